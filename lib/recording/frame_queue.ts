import type { Jpeg } from "../frame.ts";
import type { MemoryLimit } from "./memory_limit.ts";

/** A frame that waits to be written. */
export interface QueuedFrame {
  readonly jpeg: Jpeg;
  /** Arrival time on the monotonic clock, in milliseconds. */
  readonly monotonic: number;
  /** Wall clock at the arrival less the monotonic clock, in milliseconds. */
  readonly offset: number;
}

/** The frames that wait for the disk, in order. Their size is limited. */
export class FrameQueue {
  /** Size of all JPEGs, in bytes. */
  bytes = 0;
  readonly #limit: number;
  readonly #memory: Pick<MemoryLimit, "take" | "release"> | undefined;
  #frames: QueuedFrame[] = [];
  /** Number of frames at the start of `#frames` that have been removed. */
  #removed = 0;

  /**
   * @param limit Maximum size of all JPEGs, in bytes.
   * @param memory Limit for several queues together.
   */
  constructor(limit: number, memory?: Pick<MemoryLimit, "take" | "release">) {
    this.#limit = limit;
    this.#memory = memory;
  }

  /** Number of frames. */
  get length(): number {
    return this.#frames.length - this.#removed;
  }

  /** The oldest frame. */
  get first(): QueuedFrame | undefined {
    return this.#frames[this.#removed];
  }

  /** Appends a frame. @returns Whether there was room for it. */
  offer(frame: QueuedFrame): boolean {
    const { length } = frame.jpeg;
    if (this.bytes + length > this.#limit) return false;
    if (this.#memory?.take(length) === false) return false;
    this.bytes += length;
    this.#frames.push(frame);
    return true;
  }

  /** Returns the oldest frames without removing them: at least one, if there is any. */
  peek({ bytes, frames }: { bytes: number; frames: number }): readonly QueuedFrame[] {
    const from = this.#removed;
    let to = from;
    for (let size = 0; to < this.#frames.length && to - from < frames; to++) {
      size += this.#frames[to]!.jpeg.length;
      if (size > bytes && to > from) break;
    }
    return this.#frames.slice(from, to);
  }

  /** Removes the oldest frames, at most all. */
  remove(count: number): void {
    const end = Math.min(this.#removed + count, this.#frames.length);
    const before = this.bytes;
    for (; this.#removed < end; this.#removed++) {
      this.bytes -= this.#frames[this.#removed]!.jpeg.length;
    }
    this.#memory?.release(before - this.bytes);
    if (this.#removed === this.#frames.length) this.#frames = [];
    else if (this.#removed < 256) return;
    else this.#frames = this.#frames.slice(this.#removed);
    this.#removed = 0;
  }
}
