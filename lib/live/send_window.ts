/** Maximum number of frames of a camera in flight: those of 250 ms at 30 fps. */
const MAX_FRAMES = 8;
/** No further frame is sent while one has been in flight for this time, in milliseconds. */
const MAX_AGE = 250;
/** Numbers of transfer times that decide whether to send more frames at once, and fewer. */
const SAMPLES_TO_GROW = 2;
const SAMPLES_TO_SHRINK = 3;
/** Fewer are enough if the transfers are slower by this factor. */
const MUCH_SLOWER = 1.5;
const MUCH_SLOWER_SAMPLES = 2;
/** Number of the last transfer times of single frames whose fastest counts. */
const SINGLE_SAMPLES = 4;
/** By how much transfer times may vary: as a fraction, and at least this many milliseconds. */
const TOLERANCE = 0.15;
const MIN_TOLERANCE = 15;
/** Delays before the window grows again after that was too much, in milliseconds; doubles. */
const MIN_RETRY_DELAY = 3_000;
const MAX_RETRY_DELAY = 60_000;
/** Time after which a window is known to have been right, in milliseconds. */
const PROVEN_TIME = 10_000;

/**
 * How many frames of one camera may be on their way to one client. A link with a long round trip
 * needs several for the full frame rate. On a link or a client that is slow, several would only wait
 * for each other and get old: then their transfers take longer than that of a single one. So the
 * window grows while frames are dropped, and shrinks when transfers take longer. All times are in
 * milliseconds.
 */
export class SendWindow {
  /** Number of frames that may be in flight. */
  size = 1;
  /** Increases with each change of the size. */
  generation = 0;
  /** The fastest transfer of a frame that did not wait for others. */
  #fastest = Infinity;
  /** Transfer times of the last frames that were sent since the last change of the size. */
  #samples: number[] = [];
  /** Whether a frame had to wait since then. */
  #isLimiting = false;
  #grownAt = -Infinity;
  #retryAt = -Infinity;
  #retryDelay = MIN_RETRY_DELAY;

  /**
   * Whether another frame may be sent.
   *
   * @param inFlight Number of frames in flight.
   * @param age How long the oldest of them has been in flight.
   */
  admits(inFlight: number, age: number): boolean {
    return inFlight === 0 || (inFlight < this.size && age < MAX_AGE);
  }

  /** Notes that a frame had to wait, because the window was full. */
  limit(): void {
    this.#isLimiting = true;
  }

  /**
   * Notes the transfer time of a frame.
   *
   * @param generation The window's when the frame was sent.
   * @param now The time, monotonic.
   */
  add(time: number, generation: number, now: number): void {
    this.#fastest = Math.min(this.#fastest, time);
    if (generation !== this.generation) return;
    this.#samples.push(time);
    if (this.size === 1) {
      if (this.#samples.length > SINGLE_SAMPLES) this.#samples.shift();
      this.#fastest = Math.min(...this.#samples);
    } else if (this.#samples.length > SAMPLES_TO_SHRINK) this.#samples.shift();
    if (this.#isSlower()) this.#shrink(now);
    else if (this.#mayGrow(now)) {
      this.#grownAt = now;
      this.#resize(this.size + 1);
    }
  }

  /** Starts again with one frame: the frames have another size from now on. */
  reset(): void {
    this.#resize(1);
    this.#fastest = Infinity;
    this.#retryAt = -Infinity;
    this.#retryDelay = MIN_RETRY_DELAY;
  }

  /** Whether frames wait for each other: even the fastest of the last ones was slow. */
  #isSlower(): boolean {
    if (this.size === 1) return false;
    const fastestOf = (count: number) =>
      this.#samples.length < count ? 0 : Math.min(...this.#samples.slice(-count));
    return fastestOf(SAMPLES_TO_SHRINK) > this.#slowest(TOLERANCE) ||
      fastestOf(MUCH_SLOWER_SAMPLES) > this.#slowest(MUCH_SLOWER - 1);
  }

  /** Returns the maximum transfer time of a frame that does not wait for others. */
  #slowest(tolerance: number): number {
    return this.#fastest + Math.max(MIN_TOLERANCE, tolerance * this.#fastest);
  }

  #mayGrow(now: number): boolean {
    return this.#isLimiting && this.size < MAX_FRAMES && now >= this.#retryAt &&
      this.#fastest < MAX_AGE && this.#samples.length >= SAMPLES_TO_GROW &&
      this.#samples.at(-1)! <= this.#slowest(TOLERANCE);
  }

  /** Halves the window; a link that has become much slower gets single frames at once. */
  #shrink(now: number): void {
    const isMuchSlower = Math.min(...this.#samples) > 2 * this.#fastest;
    this.#resize(isMuchSlower ? 1 : Math.ceil(this.size / 2));
    // What was right for a while has failed because the link has changed.
    if (now - this.#grownAt > PROVEN_TIME) this.#retryDelay = MIN_RETRY_DELAY;
    this.#retryAt = now + this.#retryDelay;
    this.#retryDelay = Math.min(2 * this.#retryDelay, MAX_RETRY_DELAY);
  }

  #resize(size: number): void {
    this.size = size;
    this.generation++;
    this.#samples = [];
    this.#isLimiting = false;
  }
}
