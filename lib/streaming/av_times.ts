/**
 * Largest difference between the time that has passed by the camera's clock and by ours, in
 * milliseconds. Beyond, the camera's clock was set.
 */
const MAX_JUMP = 5_000;
/**
 * Step back by the camera's clock that is more than an inexact time, in milliseconds. Beyond, the
 * camera's clock was set: frames can be late, but never come in another order.
 */
const MAX_STEP_BACK = 250;

/** Times of one track. */
export class TrackTimes {
  readonly #track: { zero: number };
  readonly #other: { zero: number };
  #last = -1;
  #lastAt: number | undefined;
  /** Time in the file by the camera's clock of the last frame or packet, even if it was not sent. */
  #newest = -Infinity;

  constructor(track: { zero: number }, other: { zero: number }) {
    this.#track = track;
    this.#other = other;
  }

  /** Time of the last frame or packet; -1 before the first one. */
  get last(): number {
    return this.#last;
  }

  /**
   * Returns the time in the file of a frame or packet, in whole milliseconds. It may be negative, or
   * before {@link last}.
   *
   * @param time By the camera's clock, in milliseconds since the Unix epoch.
   * @param now Monotonic time of its arrival.
   */
  timeOf(time: number, now: number): number {
    if (this.#lastAt !== undefined) {
      const expected = this.#last + now - this.#lastAt;
      const isJump = ({ zero }: { zero: number }) =>
        Math.abs(time - zero - expected) > MAX_JUMP || time - zero < this.#newest - MAX_STEP_BACK;
      // Sound and pictures have the same clock: the other track may know already how far it was set.
      if (isJump(this.#track)) {
        this.#track.zero = isJump(this.#other) ? time - expected : this.#other.zero;
        this.#newest = -Infinity;
      }
    }
    const result = time - this.#track.zero;
    this.#newest = Math.max(this.#newest, result);
    return Math.round(result);
  }

  /** Returns the time in the file of a frame that is sent again now. */
  timeAt(now: number): number {
    return Math.round(this.#last + (this.#lastAt === undefined ? 0 : now - this.#lastAt));
  }

  /** Sets the time of the last frame or packet. @param now Monotonic time of its arrival. */
  set(last: number, now: number): void {
    this.#last = last;
    this.#lastAt = now;
  }
}

/** Creates the times of the tracks of a live file, which count from a time by the camera's clock. */
export function avTimes(zero: number): { frames: TrackTimes; sound: TrackTimes } {
  const [frames, sound] = [{ zero }, { zero }];
  return { frames: new TrackTimes(frames, sound), sound: new TrackTimes(sound, frames) };
}
