import type { Bytes } from "../bytes.ts";
import { SAMPLE_SIZE } from "./sound_clusters.ts";

/** Maximum duration of a cluster: one tenth of a second. */
const CLUSTERS_PER_SECOND = 10;
/** Maximum number of clusters that are returned at once. */
const MAX_CLUSTERS = 256;

/** Sound that waits to be written: a packet. */
export interface QueuedSound {
  readonly samples: Bytes;
  /** When the first sample was recorded, on the monotonic clock, in milliseconds. */
  readonly monotonic: number;
  /** Whether it follows the packet before it without a gap. */
  readonly continues: boolean;
}

/** Consecutive packets, as they are written to a file. */
export interface QueuedCluster {
  readonly samples: Bytes;
  /** As that of the first packet. */
  readonly monotonic: number;
  /** Number of packets. */
  readonly packets: number;
}

/** The sound that waits for the disk, in order. Its size is limited. */
export class SoundQueue {
  /** Samples per second. */
  readonly rate: number;
  /** Size of all samples, in bytes. */
  bytes = 0;
  readonly #limit: number;
  #packets: QueuedSound[] = [];

  /** @param options.limit Maximum size of all samples, in bytes. */
  constructor({ rate, limit }: { rate: number; limit: number }) {
    this.rate = rate;
    this.#limit = limit;
  }

  /** Number of packets. */
  get length(): number {
    return this.#packets.length;
  }

  /** Whether there is a whole cluster of packets that begin before a time. */
  hasCluster(until: number): boolean {
    return this.clusters({ until, max: 1 }).length > 0;
  }

  /** Appends a packet. @returns Whether there was room for it. */
  offer(packet: QueuedSound): boolean {
    if (this.bytes + packet.samples.length > this.#limit) return false;
    this.bytes += packet.samples.length;
    this.#packets.push(packet);
    return true;
  }

  /**
   * Returns the oldest packets in clusters, without removing them.
   *
   * @param options.until Only of packets that begin before this time.
   * @param options.all Whether to return the last cluster even if packets can be added to it.
   */
  clusters(
    { until = Infinity, all = false, max = MAX_CLUSTERS }: {
      until?: number;
      all?: boolean;
      max?: number;
    } = {},
  ): QueuedCluster[] {
    const clusters: QueuedCluster[] = [];
    const maxSize = Math.floor(this.rate / CLUSTERS_PER_SECOND) * SAMPLE_SIZE;
    for (let first = 0; first < this.#packets.length && clusters.length < max;) {
      const { samples, monotonic } = this.#packets[first]!;
      if (monotonic >= until) break;
      let size = samples.length;
      let next = first + 1;
      for (; next < this.#packets.length; next++) {
        const packet = this.#packets[next]!;
        const isFull = size + packet.samples.length > maxSize;
        if (isFull || !packet.continues || packet.monotonic >= until) break;
        size += packet.samples.length;
      }
      const isEnded = next < this.#packets.length && this.#packets[next]!.monotonic < until;
      if (!isEnded && size + samples.length <= maxSize && !all) break;
      const packets = this.#packets.slice(first, next);
      clusters.push({ samples: concat(packets, size), monotonic, packets: packets.length });
      first = next;
    }
    return clusters;
  }

  /** Removes the oldest packets. */
  remove(count: number): void {
    for (const { samples } of this.#packets.splice(0, count)) this.bytes -= samples.length;
  }

  /** Removes the packets that begin before a time. @returns Their number. */
  removeBefore(monotonic: number): number {
    let count = this.#packets.findIndex((packet) => packet.monotonic >= monotonic);
    if (count < 0) count = this.#packets.length;
    this.remove(count);
    return count;
  }
}

function concat(packets: readonly QueuedSound[], size: number): Bytes {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const { samples } of packets) {
    bytes.set(samples, at);
    at += samples.length;
  }
  return bytes;
}
