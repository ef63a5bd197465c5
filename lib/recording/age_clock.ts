import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { formatDuration } from "./capacity.ts";

/** The largest step of the wall clock that ages follow at once, in milliseconds. */
export const MAX_STEP = 3_600_000;
/** Time for which the clock must be stable after a larger step, in milliseconds. */
const GRACE_PERIOD = 3_600_000;
/** The longest pause of recording that is no step of the clock, in milliseconds. */
const MAX_PAUSE = 86_400_000;

/** Options of {@link AgeClock}. */
export interface AgeClockOptions {
  /** Returns the time of the newest frame that is not later than a time. */
  readonly newestBefore: (time: number) => number | undefined;
  /** Returns whether the machine's clock has been set since its start. */
  readonly isClockSet: () => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The clock that the age of recordings is counted by: the wall clock, unless it may be wrong. After a
 * step forward of more than an hour, it goes on as before the step, until the wall clock was stable
 * for an hour. Otherwise all recordings would be too old at once.
 */
export class AgeClock {
  readonly #options: AgeClockOptions;
  #isSet = false;
  /** Wall clock less the monotonic clock: what ages are counted by; undefined before the start. */
  #offset: number | undefined;
  /** The same after a step forward, and when it was noticed. */
  #step: { offset: number; since: number } | undefined;
  #hasLoggedUnset = false;

  constructor(options: AgeClockOptions) {
    this.#options = options;
  }

  /**
   * Compares the wall clock with the newest recordings, before new ones are added: the clock may
   * have become wrong while the server was off. The last hour does not count, as the server may have
   * been started with this wrong clock before.
   */
  start(): void {
    const { clock, newestBefore } = this.#options;
    const now = clock.now();
    const newest = newestBefore(now - MAX_STEP);
    const isWaiting = newest !== undefined && now - newest > MAX_PAUSE + MAX_STEP;
    this.#offset = (isWaiting ? newest : now) - clock.monotonic();
    if (isWaiting) this.#wait("nothing was recorded for", now - newest);
  }

  /** Compares the clocks. To be called before {@link now}, and every few seconds. */
  async check(): Promise<void> {
    await this.#checkIsSet();
    const { clock } = this.#options;
    const offset = clock.now() - clock.monotonic();
    const ahead = offset - this.#offset!;
    if (ahead <= MAX_STEP) {
      this.#offset = offset;
      this.#step = undefined;
    } else if (!this.#step) this.#wait("the clock was set forward by", ahead);
    else if (Math.abs(offset - this.#step.offset) > MAX_STEP) this.#startGracePeriod();
    else if (clock.monotonic() - this.#step.since >= GRACE_PERIOD) {
      this.#offset = offset;
      this.#step = undefined;
    }
  }

  /**
   * The time that ages are counted by, in milliseconds since the Unix epoch; undefined while nothing
   * may be deleted by its age, as the machine's clock was never set.
   */
  get now(): number | undefined {
    if (!this.#isSet || this.#offset === undefined) return undefined;
    return this.#options.clock.monotonic() + this.#offset;
  }

  #wait(cause: string, ms: number): void {
    this.#startGracePeriod();
    this.#options.log.warn("old recordings are kept for an hour more, in case the clock is wrong", {
      reason: `${cause} ${formatDuration(ms)}`,
    });
  }

  #startGracePeriod(): void {
    const { clock } = this.#options;
    const since = clock.monotonic();
    this.#step = { offset: clock.now() - since, since };
  }

  async #checkIsSet(): Promise<void> {
    if (this.#isSet) return;
    this.#isSet = await this.#options.isClockSet();
    if (this.#isSet || this.#hasLoggedUnset) return;
    this.#hasLoggedUnset = true;
    this.#options.log.info("old recordings are kept until the clock of the machine is set");
  }
}
