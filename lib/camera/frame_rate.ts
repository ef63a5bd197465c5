import type { Frame } from "../frame.ts";

/** How long {@link FrameRate} looks back, in milliseconds and in frames. */
const WINDOW = 5_000;
const MAX_FRAMES = 60;

/** Measures how many frames a second there are. */
export class FrameRate {
  readonly #times: number[] = [];

  /** Counts a frame that came at `time`, in milliseconds. */
  add(time: number): void {
    this.#times.push(time);
    while (
      this.#times.length > MAX_FRAMES || (this.#times.length > 2 && this.#times[0]! < time - WINDOW)
    ) {
      this.#times.shift();
    }
  }

  /** Frames a second over the last few seconds, as of `now`; 0 when they have ceased. */
  at(now: number): number {
    const [first, last] = [this.#times[0], this.#times.at(-1)];
    if (first === undefined || last === undefined || first === last) return 0;
    const interval = (last - first) / (this.#times.length - 1);
    // The frame that is overdue counts: the rate falls while a camera is silent.
    const silence = now - last;
    return silence > WINDOW && silence > 3 * interval ? 0 : 1000 / Math.max(interval, silence / 2);
  }

  /** Begins again. */
  clear(): void {
    this.#times.length = 0;
  }
}

/**
 * Thins frames to `fps` a second: the function tells of each frame whether to take it. A frame is taken
 * that is nearer to its time than the next one will be, so that 30 fps are thinned to an even 10, and one
 * that comes a little early is not lost.
 */
export function limitFps(fps: number): (frame: Frame) => boolean {
  const interval = 1000 / fps;
  let due = -Infinity;
  let before: number | undefined;
  let gap: number | undefined; // between the frames, on average
  return ({ capturedAt }) => {
    const early = due - capturedAt;
    const clockWentBack = early > 2 * interval;
    if (before !== undefined) {
      const last = Math.min(Math.max(0, capturedAt - before), interval);
      gap = gap === undefined ? last : gap + (last - gap) / 8;
    }
    before = capturedAt;
    if (early > (gap ?? 0) / 2 && !clockWentBack) return false;
    const late = -early > interval || clockWentBack;
    due = (late ? capturedAt : due) + interval;
    return true;
  };
}
