/** Upper bounds of the latency buckets of {@link DeliveryStats}, in milliseconds. */
export const LATENCY_BUCKETS: readonly number[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1_000, 2_000, 5_000, 10_000],
];

/** Counters of the frames delivered to a camera's viewers. */
export class DeliveryStats {
  /** Delivered frames, counted once for each viewer. */
  frames = 0;
  /** Delivered bytes. */
  bytes = 0;
  /** Sum of all latencies, in milliseconds. */
  totalLatency = 0;
  /**
   * Number of frames in each of the {@link LATENCY_BUCKETS}; the last number is for higher
   * latencies.
   */
  readonly buckets: number[] = Array(LATENCY_BUCKETS.length + 1).fill(0);

  /** Counts a delivered frame. @param latency Time since its capture, in milliseconds. */
  add(bytes: number, latency: number): void {
    latency = Math.max(0, latency); // the wall clock may have been set back
    this.frames++;
    this.bytes += bytes;
    this.totalLatency += latency;
    let bucket = 0;
    while (bucket < LATENCY_BUCKETS.length && latency > LATENCY_BUCKETS[bucket]!) bucket++;
    this.buckets[bucket]!++;
  }
}
