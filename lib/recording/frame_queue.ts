import type { Jpeg } from "../frame.ts";

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
  #frames: QueuedFrame[] = [];
  /** Number of frames at the start of `#frames` that have been removed. */
  #removed = 0;

  /** @param limit Maximum size of all JPEGs, in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
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
    if (this.bytes + frame.jpeg.length > this.#limit) return false;
    this.bytes += frame.jpeg.length;
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

  /** Removes the oldest frames. */
  remove(count: number): void {
    for (const end = this.#removed + count; this.#removed < end; this.#removed++) {
      this.bytes -= this.#frames[this.#removed]!.jpeg.length;
    }
    if (this.#removed === this.#frames.length) this.#frames = [];
    else if (this.#removed < 256) return;
    else this.#frames = this.#frames.slice(this.#removed);
    this.#removed = 0;
  }
}
