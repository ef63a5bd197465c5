import { sizeOf } from "./coefficient.ts";
import type { Encoder } from "./huffman.ts";

/**
 * What a Huffman table has instead of a symbol for an AC coefficient, from the lowest bit: 4 bits the
 * next smaller size with the same number of zeros before it (0: there is none), 4 bits the next
 * larger one, 5 bits the number of zeros before an additional coefficient of size 1, and 1
 * (0: that would not help), {@link KNOWN}.
 */
const KNOWN = 1 << 13;

/** Finds the symbols nearest to those that a table for AC coefficients lacks. */
export class NearestSymbols {
  readonly #lengths: Uint8Array;
  readonly #found = new Uint16Array(256);

  constructor({ lengths }: Encoder) {
    this.#lengths = lengths;
  }

  /**
   * Returns the value nearest to `value` that the table has behind `run` zeros, at most 15; 0 if
   * there is none nearer than that.
   */
  valueBehind(run: number, value: number): number {
    const found = this.#find(run << 4 | sizeOf(value));
    const smaller = found & 15, larger = found >> 4 & 15;
    const magnitude = Math.abs(value);
    let best = smaller > 0 ? (1 << smaller) - 1 : 0;
    if (larger > 0 && (1 << larger - 1) - magnitude < magnitude - best) best = 1 << larger - 1;
    return value < 0 ? -best : best;
  }

  /**
   * Returns how many zeros of `run` are before a coefficient of size 1 behind which the table has
   * the symbol for the rest of them and `size`; -1 if it has none.
   */
  split(run: number, size: number): number {
    return (this.#find(run << 4 | size) >> 8 & 31) - 1;
  }

  #find(symbol: number): number {
    return this.#found[symbol]! || (this.#found[symbol] = this.#search(symbol));
  }

  #search(symbol: number): number {
    const lengths = this.#lengths;
    const run = symbol >> 4, size = symbol & 15;
    let smaller = size - 1;
    while (smaller > 0 && lengths[run << 4 | smaller] === 0) smaller--;
    let larger = size + 1;
    while (larger <= 10 && lengths[run << 4 | larger] === 0) larger++;
    let before = run - 1;
    while (before >= 0 && !(lengths[before << 4 | 1] && lengths[run - 1 - before << 4 | size])) {
      before--;
    }
    return smaller | (larger > 10 ? 0 : larger) << 4 | before + 1 << 8 | KNOWN;
  }
}

/** Finds differences of DC coefficients that a Huffman table has. */
export class NearestDifferences {
  readonly #lengths: Uint8Array;
  /** The largest difference. */
  readonly #max: number;

  constructor({ lengths }: Encoder) {
    this.#lengths = lengths;
    let size = 11;
    while (size > 0 && lengths[size] === 0) size--;
    this.#max = (1 << size) - 1;
  }

  /**
   * Returns the DC coefficient nearest to `wanted` that can follow `last`, and from which `steps`
   * differences can lead to `target`, as far as possible.
   */
  follow(
    last: number,
    wanted: number,
    { target, steps }: { target: number; steps: number },
  ): number {
    const reach = steps * this.#max;
    const aim = Math.min(target + reach, Math.max(target - reach, wanted));
    if (steps > 1) return last + this.#nearest(aim - last);
    for (let distance = 0; distance <= 2 * this.#max; distance++) {
      for (const dc of [aim - distance, aim + distance]) {
        if (this.#has(dc - last) && this.#has(target - dc)) return dc;
      }
    }
    return last + this.#nearest(aim - last);
  }

  #has(difference: number): boolean {
    const size = sizeOf(difference);
    return size <= 11 && this.#lengths[size]! > 0;
  }

  #nearest(difference: number): number {
    if (this.#has(difference)) return difference;
    let best = Infinity;
    const sign = difference < 0 ? -1 : 1;
    for (let size = 0; size <= 11; size++) {
      if (this.#lengths[size] === 0) continue;
      const least = size === 0 ? 0 : 1 << size - 1, most = (1 << size) - 1;
      const candidate = sign * (Math.abs(difference) < least ? least : most);
      if (Math.abs(candidate - difference) < Math.abs(best - difference)) best = candidate;
    }
    return best === Infinity ? difference : best;
  }
}
