/** The upper ends of the ranges in which {@link DeliveryStats} counts how old frames were, in milliseconds. */
export const LATENCY_BUCKETS: readonly number[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1_000, 2_000, 5_000, 10_000],
];

/** What a camera's viewers were given, in plain numbers: adding a frame costs a few additions. */
export class DeliveryStats {
  /** Frames that viewers have taken, each counted for each viewer. */
  frames = 0;
  bytes = 0;
  /** The sum of the frames' ages, in milliseconds. */
  totalLatency = 0;
  /** How many frames were in each range of {@link LATENCY_BUCKETS}; the last number is of those older than all. */
  readonly buckets: number[] = Array(LATENCY_BUCKETS.length + 1).fill(0);

  /** Counts a frame that a viewer has taken. @param age Since its capture, in milliseconds. */
  add(bytes: number, age: number): void {
    age = Math.max(0, age); // when the machine's time was set back meanwhile
    this.frames++;
    this.bytes += bytes;
    this.totalLatency += age;
    let range = 0;
    while (range < LATENCY_BUCKETS.length && age > LATENCY_BUCKETS[range]!) range++;
    this.buckets[range]!++;
  }
}
