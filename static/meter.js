// @ts-check

/** How far the meter looks back, in milliseconds and in pictures. */
const WINDOW = 3_000;
const PICTURES = 3;

/** Counts what was painted: how often, how old, and how much was skipped. */
export class Meter {
  /** Pictures that the camera gave and that never came here, as the link or this machine was too slow. */
  skipped = 0;
  /** @type {{ at: number, age: number | undefined }[]} */
  #painted = [];
  /** @type {number | undefined} */
  #sequence;

  /**
   * A picture is on the screen.
   *
   * @param {number} sequence Its number: what lies between it and the last one was skipped.
   * @param {number} at When, in milliseconds of `performance.now()`.
   * @param {number | undefined} age How old it was then.
   */
  add(sequence, at, age) {
    if (this.#sequence !== undefined) this.skipped += Math.max(0, sequence - this.#sequence - 1);
    this.#sequence = sequence;
    this.#painted.push({ at, age });
    this.#painted = this.#painted.filter((one, i) =>
      one.at >= at - WINDOW || i >= this.#painted.length - PICTURES
    );
  }

  /** There was a break: what is missing now was not skipped. */
  pause() {
    this.#sequence = undefined;
    this.#painted = [];
  }

  /** When the last picture was painted. */
  get last() {
    return this.#painted[this.#painted.length - 1]?.at;
  }

  /** Pictures a second, as of `now`; undefined while there are too few to tell. @param {number} now */
  fps(now) {
    const first = this.#painted[0]?.at;
    const last = this.last;
    if (first === undefined || last === undefined || first === last) return;
    const interval = (last - first) / (this.#painted.length - 1);
    return 1000 / Math.max(interval, (now - last) / 2);
  }

  /** How old pictures are when they are painted, in milliseconds: the one in the middle of the last ones. */
  get age() {
    const ages = this.#painted.flatMap(({ age }) => age === undefined ? [] : [age]);
    return ages.sort((a, b) => a - b)[Math.floor(ages.length / 2)];
  }
}
