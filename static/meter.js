// @ts-check

/** Period that the meter averages over. */
const WINDOW = 3_000;
/** Minimum number of frames, however old they are. */
const MIN_FRAMES = 3;

/** Measures the frame rate, the age of frames and the number of skipped frames. */
export class Meter {
  /** Number of frames that never arrived: the link or this machine was too slow. */
  skipped = 0;
  /** Number of frames that were painted. */
  painted = 0;
  /** @type {{ at: number, age: number | undefined }[]} */
  #painted = [];
  /** @type {number | undefined} */
  #sequence;

  /**
   * Counts a frame that was painted; a gap in the sequence counts as skipped frames.
   *
   * @param {number} sequence
   * @param {number} at When it was painted, in milliseconds of `performance.now()`.
   * @param {number | undefined} age Its age at that time.
   */
  add(sequence, at, age) {
    if (this.#sequence !== undefined) this.skipped += Math.max(0, sequence - this.#sequence - 1);
    this.#sequence = sequence;
    this.painted++;
    this.#painted.push({ at, age });
    this.#painted = this.#painted.filter((frame, i) =>
      frame.at >= at - WINDOW || i >= this.#painted.length - MIN_FRAMES
    );
  }

  /** Starts a pause: the frames until the next one do not count as skipped. */
  pause() {
    this.#sequence = undefined;
    this.#painted = [];
  }

  /** When the last frame was painted. */
  get last() {
    return this.#painted[this.#painted.length - 1]?.at;
  }

  /** Returns the frames per second; undefined with fewer than two frames. @param {number} now */
  fps(now) {
    const first = this.#painted[0]?.at;
    const last = this.last;
    if (first === undefined || last === undefined || first === last) return;
    const interval = (last - first) / (this.#painted.length - 1);
    return 1000 / Math.max(interval, (now - last) / 2);
  }

  /** Median age of the last frames when they were painted. */
  get age() {
    const ages = this.#painted.flatMap(({ age }) => age === undefined ? [] : [age]);
    return ages.sort((a, b) => a - b)[Math.floor(ages.length / 2)];
  }
}
