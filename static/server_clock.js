// @ts-check

/** How many round trips are remembered. */
const SAMPLES = 20;

/**
 * The server's clock, as seen from here. Of several round trips the fastest says best how far the two
 * clocks are apart: half of it, at most, is the error.
 */
export class ServerClock {
  /** @type {{ offset: number, error: number }[]} */
  #samples = [];

  /**
   * Learns from one round trip.
   *
   * @param {number} sent When the question went, in milliseconds of `performance.now()`.
   * @param {number} received When the answer came.
   * @param {number} serverTime What the server's clock said in between, in milliseconds since 1970.
   */
  learn(sent, received, serverTime) {
    const error = (received - sent) / 2;
    const offset = serverTime - (sent + error);
    const best = this.#best();
    // Two answers that cannot both be true: one of the clocks was set, or this machine slept.
    if (best && Math.abs(offset - best.offset) > error + best.error + 5) this.#samples = [];
    this.#samples.push({ offset, error });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  /** Half of the fastest round trip, in milliseconds; undefined before the first one. */
  get error() {
    return this.#best()?.error;
  }

  /**
   * How long ago something was, by the server's clock.
   *
   * @param {number} serverTime In milliseconds since 1970.
   * @param {number} now In milliseconds of `performance.now()`.
   * @returns Milliseconds; undefined before the first round trip.
   */
  ageOf(serverTime, now) {
    const best = this.#best();
    return best && Math.max(0, now + best.offset - serverTime);
  }

  #best() {
    /** @type {{ offset: number, error: number } | undefined} */
    let best;
    for (const sample of this.#samples) if (!best || sample.error < best.error) best = sample;
    return best;
  }
}
