import type { FrameHeader } from "./protocol.ts";

/** Number of the camera's frames over which the interval is measured. */
const FRAMES = 100;

/** Measures the interval between two frames of a camera, of which not all arrive. */
export class FrameInterval {
  #first: Pick<FrameHeader, "sequence" | "monotonic"> | undefined;
  #ms: number | undefined;

  /** In milliseconds; undefined if it is unknown. */
  get ms(): number | undefined {
    return this.#ms;
  }

  /** Adds a frame. */
  add({ sequence, monotonic }: Pick<FrameHeader, "sequence" | "monotonic">): void {
    this.#first ??= { sequence, monotonic };
    const frames = sequence - this.#first.sequence;
    const ms = (monotonic - this.#first.monotonic) / frames;
    if (frames > 0 && ms > 0) this.#ms = ms;
    if (frames < 0 || frames >= FRAMES) this.#first = { sequence, monotonic };
  }

  /** Forgets all frames. */
  reset(): void {
    this.#first = undefined;
    this.#ms = undefined;
  }
}
