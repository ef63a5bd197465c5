import type { Baseline } from "./baseline.ts";
import type { EncodedBlock, EncodedMcu } from "./encoded_mcu.ts";
import { encoderOf } from "./huffman.ts";
import { NearestDifferences } from "./nearest_symbols.ts";

/** More differences than there can be. */
const ANY = 1 << 20;
/** From which part of its energy on, and by how many levels, a difference makes a letter illegible. */
const MAX_LOSS = 0.4, MAX_SHIFT = 100;
/** Which part of the blocks with letters may be illegible. */
const MAX_ILLEGIBLE = 0.05;

/**
 * Chooses DC coefficients for MCUs that need not be exact: the nearest ones that the picture's
 * Huffman tables allow, and the last ones such that what follows can be as it must be.
 */
export class NearestDcs {
  readonly #differences: readonly NearestDifferences[];
  /** The number of blocks in an MCU, by component. */
  readonly #perMcu: readonly number[];
  /** Levels of a step of the luminance. */
  readonly #level: number;
  /** By component: the DC coefficient that must follow, and the number of differences up to it. */
  readonly #targets: Int32Array;
  readonly #steps: Int32Array;
  #letters = 0;
  #illegible = 0;

  constructor({ components, huffman, quantization }: Baseline) {
    this.#differences = components.map(({ td }) =>
      new NearestDifferences(encoderOf(huffman.get(td)!))
    );
    this.#perMcu = components.map(({ h, v }) => h * v);
    this.#level = quantization[components[0]!.tq]![0]! / 8;
    this.#targets = new Int32Array(components.length);
    this.#steps = new Int32Array(components.length);
  }

  /** Whether few letters have become illegible. */
  get isLegible(): boolean {
    return this.#illegible <= this.#letters * MAX_ILLEGIBLE;
  }

  /** Begins a picture. */
  restart(): void {
    this.#letters = this.#illegible = 0;
  }

  /**
   * Begins a number of MCUs that need not be exact.
   *
   * @param targets The DC coefficients that follow, by component; undefined if nothing does.
   */
  begin(mcus: number, targets: ArrayLike<number> | undefined): void {
    this.#perMcu.forEach((blocks, component) => {
      this.#targets[component] = targets?.[component] ?? 0;
      this.#steps[component] = targets ? mcus * blocks : ANY;
    });
  }

  /** Returns the DC coefficient of the next block of a component, behind one with `last`. */
  next(component: number, last: number, block: EncodedBlock): number {
    const steps = this.#steps[component]!--;
    const target = this.#targets[component]!;
    const dc = this.#differences[component]!.follow(last, block.dc, { target, steps });
    if (component === 0 && (block.ac.length > 2 || block.loss > 0)) {
      this.#letters++;
      const shift = Math.abs(dc - block.dc) * this.#level;
      if (block.loss > MAX_LOSS || shift > MAX_SHIFT) this.#illegible++;
    }
    return dc;
  }
}

/** Returns the DC coefficients with which an MCU begins, by component. */
export function firstDcs({ blocks }: EncodedMcu, { components }: Baseline): number[] {
  let first = 0;
  return components.map(({ h, v }) => {
    const { dc } = blocks[first]!;
    first += h * v;
    return dc;
  });
}
