/** Period over which {@link FrameRate} averages, in milliseconds. */
const WINDOW = 5_000;
/** Maximum number of frames over which it averages. */
const MAX_FRAMES = 60;

/** Measures a camera's frame rate. */
export class FrameRate {
  readonly #times: number[] = [];

  /** Counts a frame. @param time Its monotonic time, in milliseconds. */
  add(time: number): void {
    this.#times.push(time);
    while (
      this.#times.length > MAX_FRAMES ||
      (this.#times.length > 2 && this.#times[0]! < time - WINDOW)
    ) {
      this.#times.shift();
    }
  }

  /**
   * Returns the frames per second over the last few seconds, as of `now`; 0 when frames have
   * stopped.
   */
  at(now: number): number {
    const [first, last] = [this.#times[0], this.#times.at(-1)];
    if (first === undefined || last === undefined || first === last) return 0;
    const interval = (last - first) / (this.#times.length - 1);
    // An overdue frame counts: the rate falls while a camera is silent.
    const silence = now - last;
    return silence > WINDOW && silence > 3 * interval ? 0 : 1000 / Math.max(interval, silence / 2);
  }

  /** Discards all frames counted so far. */
  clear(): void {
    this.#times.length = 0;
  }
}
