/** Pseudo-random numbers, the same for the same seed, so that a failure can be reproduced. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from `min` to `max`. */
  integer(min: number, max: number): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return min + Math.floor(((t ^ t >>> 14) >>> 0) / 2 ** 32 * (max - min + 1));
  }

  /** One of several values. */
  of<T>(choices: readonly T[]): T {
    return choices[this.integer(0, choices.length - 1)]!;
  }

  /** Returns true once in `n` calls, on average. */
  oneIn(n: number): boolean {
    return this.integer(1, n) === 1;
  }
}
