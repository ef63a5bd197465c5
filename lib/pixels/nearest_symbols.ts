import { sizeOf } from "./coefficient.ts";
import type { Encoder } from "./huffman.ts";

/** How to write a coefficient whose symbol a table lacks. */
export interface Substitute {
  /** The value to write instead; 0: the coefficient cannot be written. */
  readonly value: number;
  /** Number of zeros before an additional coefficient of 1, which precedes it; -1: there is none. */
  readonly before: number;
}

/**
 * Finds the symbols nearest to those that a table for AC coefficients lacks. What it finds has, from
 * the lowest bit: 4 bits the next smaller size with the same number of zeros before it (0: there is
 * none), 4 bits the next larger one, 5 bits the number of zeros before an additional coefficient
 * and 1 (0: that does not help), 4 bits the size that can follow it, {@link KNOWN}.
 */
export class NearestSymbols {
  readonly #lengths: Uint8Array;
  readonly #found = new Int32Array(256);

  constructor({ lengths }: Encoder) {
    this.#lengths = lengths;
  }

  /** @param run Number of zeros before the coefficient, at most 15. */
  substitute(run: number, value: number): Substitute {
    const symbol = run << 4 | sizeOf(value);
    const found = this.#found[symbol]! || (this.#found[symbol] = this.#search(symbol));
    const smaller = found & 15, larger = found >> 4 & 15;
    const size = found >> 13 & 15;
    const magnitude = Math.abs(value);
    const signed = (magnitude: number) => value < 0 ? 0 - magnitude : magnitude;
    const split = Math.min(magnitude, (1 << size) - 1);
    let best = (1 << smaller) - 1;
    if (larger > 0 && (1 << larger - 1) - magnitude < magnitude - best) best = 1 << larger - 1;
    if (magnitude - split + 1 >= Math.abs(magnitude - best)) {
      return { value: signed(best), before: -1 };
    }
    return { value: signed(split), before: (found >> 8 & 31) - 1 };
  }

  #search(symbol: number): number {
    const lengths = this.#lengths;
    const run = symbol >> 4, size = symbol & 15;
    const smaller = this.#smaller(run, size);
    let larger = size + 1;
    while (larger <= 10 && lengths[run << 4 | larger] === 0) larger++;
    let before = -1, behind = smaller;
    for (let zeros = run - 1; zeros >= 0; zeros--) {
      if (lengths[zeros << 4 | 1] === 0) continue;
      const found = this.#smaller(run - 1 - zeros, size + 1);
      if (found > behind) [before, behind] = [zeros, found];
    }
    return smaller | (larger > 10 ? 0 : larger) << 4 | before + 1 << 8 |
      (before < 0 ? 0 : behind) << 13 | KNOWN;
  }

  /** Returns the largest size below `size` behind `run` zeros; 0 if there is none. */
  #smaller(run: number, size: number): number {
    let smaller = size - 1;
    while (smaller > 0 && this.#lengths[run << 4 | smaller] === 0) smaller--;
    return smaller;
  }
}

const KNOWN = 1 << 17;
