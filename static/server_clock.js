// @ts-check

/** Number of round trips that are kept. */
const MAX_SAMPLES = 20;
/** Tolerance when two round trips are compared. */
const TOLERANCE = 5;

/** Estimates the server's clock from the fastest of the last round trips. */
export class ServerClock {
  /** @type {{ offset: number, error: number }[]} */
  #samples = [];

  /** Adds a round trip. @param {number} sent @param {number} received @param {number} serverTime */
  update(sent, received, serverTime) {
    const error = (received - sent) / 2;
    const offset = serverTime - (sent + error);
    const best = this.#best();
    // The two offsets contradict each other: a clock was set, or this machine was suspended.
    if (best && Math.abs(offset - best.offset) > error + best.error + TOLERANCE) this.#samples = [];
    this.#samples.push({ offset, error });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  /** Maximum error, in milliseconds: half of the fastest round trip, after the first one. */
  get error() {
    return this.#best()?.error;
  }

  /** Returns a time in milliseconds of `performance.now()`. @param {number} serverTime */
  toLocal(serverTime) {
    const best = this.#best();
    return best && serverTime - best.offset;
  }

  /** Returns an age in milliseconds; undefined before the first round trip. @param {number} serverTime @param {number} now */
  ageOf(serverTime, now) {
    const best = this.#best();
    return best && Math.max(0, now + best.offset - serverTime);
  }

  #best() {
    return this.#samples.toSorted((a, b) => a.error - b.error)[0];
  }
}
