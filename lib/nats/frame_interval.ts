import type { FrameHeader } from "./protocol.ts";

/** Number of measurements whose median counts: a pause of the camera is no lower frame rate. */
const MEASUREMENTS = 9;

/** Measures the interval between two frames of a camera, of which not all arrive. */
export class FrameInterval {
  #last: Pick<FrameHeader, "sequence" | "monotonic"> | undefined;
  readonly #intervals: number[] = [];
  #ms: number | undefined;

  /** In milliseconds; undefined if it is unknown. */
  get ms(): number | undefined {
    return this.#ms;
  }

  /** Adds a frame. */
  add({ sequence, monotonic }: Pick<FrameHeader, "sequence" | "monotonic">): void {
    const last = this.#last;
    this.#last = { sequence, monotonic };
    if (!last) return;
    const interval = (monotonic - last.monotonic) / (sequence - last.sequence);
    if (!(interval > 0)) return;
    this.#intervals.push(interval);
    if (this.#intervals.length > MEASUREMENTS) this.#intervals.shift();
    this.#ms = this.#intervals.toSorted((a, b) => a - b)[this.#intervals.length >> 1];
  }

  /** Forgets all frames. */
  reset(): void {
    this.#last = undefined;
    this.#intervals.length = 0;
    this.#ms = undefined;
  }
}
