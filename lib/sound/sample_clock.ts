/** Maximum error of a sound card's clock: 0.2 %. */
const MAX_CLOCK_ERROR = 0.002;
/** Minimum lateness that may be due to a loss of earlier samples, in milliseconds. */
const MIN_LOSS = 25;
/** Time with only such lateness after which samples were lost, in milliseconds. */
const LOSS_DURATION = 500;

/**
 * Determines when the samples of a capture were heard, by a monotonic clock. The samples arrive in
 * bursts, and the sound card counts them by its own clock.
 *
 * Samples can arrive late, but never early, so the earliest arrivals tell when they were heard.
 */
export class SampleClock {
  /** How often the capture has lost samples, or paused. */
  jumps = 0;

  /** Duration of a sample, in milliseconds. */
  readonly #period: number;
  #samples = 0;
  /** When sample 0 would have been heard by a card with a right clock. */
  #base: number | undefined;
  #lastArrival = 0;
  /** Time since which all samples have been late, and the least lateness since then. */
  #late: { since: number; least: number } | undefined;

  /** @param rate Samples per second. */
  constructor(rate: number) {
    this.#period = 1_000 / rate;
  }

  /**
   * Counts samples that have just arrived.
   *
   * @param now Monotonic time, in milliseconds.
   * @returns When the first of them was heard.
   */
  arrive(samples: number, now: number): number {
    const first = this.#samples;
    this.#samples += samples;
    const base = now - this.#samples * this.#period;
    this.#base = this.#adjusted(this.#base ?? base, base, now);
    this.#lastArrival = now;
    return this.#base + first * this.#period;
  }

  /** Returns the new base for an arrival that would be punctual at `seen`. */
  #adjusted(base: number, seen: number, now: number): number {
    const lateness = seen - base;
    if (lateness <= 0) {
      this.#late = undefined;
      return seen;
    }
    if (this.#hasLost(lateness, now)) {
      const { least } = this.#late!;
      this.#late = undefined;
      this.jumps++;
      return base + least;
    }
    return base + Math.min(lateness, (now - this.#lastArrival) * MAX_CLOCK_ERROR);
  }

  /** Whether all recent samples were so late that some before them were lost. */
  #hasLost(lateness: number, now: number): boolean {
    if (lateness < MIN_LOSS) this.#late = undefined;
    else if (!this.#late) this.#late = { since: now, least: lateness };
    else this.#late.least = Math.min(this.#late.least, lateness);
    return this.#late !== undefined && now - this.#late.since > LOSS_DURATION;
  }
}
