// @ts-check

/** The link is judged by this time and number of frames. There is a status every second. */
const WINDOW = 1_400;
const MIN_FRAMES = 10;
/** Frames of new sizes are not judged in this time. */
const SETTLING_TIME = 1_000;
/** Part of the frames that are skipped when the link is too slow, and at most when it is not. */
const SLOW_LOSS = 0.1;
const GOOD_LOSS = 0.03;
/** The page itself is too slow if it paints for a larger part of the time. */
const MAX_PAINTING = 0.5;
/** Time without loss before larger pictures; doubles each time that they are too much at once. */
const RAISE_DELAY = 10_000;
const MAX_RAISE_DELAY = 160_000;

/** Decides by how many sizes the pictures are smaller than the screen allows, as the link is slow. */
export class LinkSpeed {
  steps = 0;
  #start = 0;
  #before = { painted: 0, skipped: 0, painting: 0 };
  #goodSince = 0;
  #raisedAt = -Infinity;
  #raiseDelay = RAISE_DELAY;

  /** Begins to judge anew: other pictures are shown. @param {number} now */
  settle(now) {
    this.#start = Math.max(this.#start, now + SETTLING_TIME);
  }

  /**
   * Updates the number of steps.
   *
   * @param {number} now
   * @param {{ painted: number, skipped: number, painting: number }} total Numbers of frames so far, and
   *   the milliseconds from their arrival until they were painted, divided by the number of cameras.
   * @param {boolean} canLower Whether there are smaller pictures.
   */
  update(now, total, canLower) {
    const painted = total.painted - this.#before.painted;
    const skipped = total.skipped - this.#before.skipped;
    const painting = total.painting - this.#before.painting;
    const elapsed = now - this.#start;
    if (elapsed >= 0 && (elapsed < WINDOW || painted + skipped < MIN_FRAMES)) return;
    this.#before = total;
    if (elapsed < 0) return;
    this.#start = now;
    const loss = skipped / (painted + skipped);
    if (loss > GOOD_LOSS || !this.steps) this.#goodSince = now;
    if (loss > SLOW_LOSS && canLower && painting < MAX_PAINTING * elapsed) this.#lower(now);
    else if (this.steps && now - this.#goodSince >= this.#raiseDelay) this.#raise(now);
  }

  /** @param {number} now */
  #lower(now) {
    this.steps++;
    const isAtOnce = now - this.#raisedAt < RAISE_DELAY;
    this.#raiseDelay = isAtOnce ? Math.min(2 * this.#raiseDelay, MAX_RAISE_DELAY) : RAISE_DELAY;
    this.settle(now);
  }

  /** @param {number} now */
  #raise(now) {
    this.steps--;
    this.#raisedAt = this.#goodSince = now;
    this.settle(now);
  }
}
