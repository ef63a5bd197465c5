import type { Baseline } from "./baseline.ts";
import { extend } from "./coefficient.ts";
import { type Decoder, decoderOf, findLong, INVALID, LOOK } from "./huffman.ts";
import {
  AC_LOOK,
  ENDS_BLOCK,
  FIRST_LOOK,
  type FirstTable,
  firstTableOf,
  type SkipTable,
  skipTableOf,
} from "./skip_table.ts";

/** How to read a block of an MCU. */
export interface BlockTables {
  /** Index of its component. */
  readonly component: number;
  /** Whether it is the first of its component in the MCU. */
  readonly isFirst: boolean;
  readonly dc: Decoder;
  readonly ac: Decoder;
  readonly first: FirstTable;
  readonly skip: SkipTable;
}

/** Returns how to read each block of an MCU, in their order. */
export function blockTablesOf({ components, huffman }: Baseline): readonly BlockTables[] {
  return components.flatMap(({ h, v, td, ta }, component) => {
    const dc = huffman.get(td)!, ac = huffman.get(0x10 | ta)!;
    const tables = {
      component,
      dc: decoderOf(dc, false),
      ac: decoderOf(ac, true),
      first: firstTableOf(dc, ac),
      skip: skipTableOf(ac),
    };
    return Array.from({ length: h * v }, (_, i) => ({ ...tables, isFirst: i === 0 }));
  });
}

const FIRST_SHIFT = 32 - FIRST_LOOK, AC_SHIFT = 32 - AC_LOOK;
/** Of 32 bits that were read at a byte's edge, 25 are sure: what may be used before a look at them. */
const SPARE = 25 - AC_LOOK;

/**
 * Skips MCUs, and adds up the differences of their DC coefficients. This is nearly all the work of
 * editing a picture, so it is one function that looks at several codes at once.
 *
 * @param view Data as of `unstuff`.
 * @param from Position in bits.
 * @param predictions The last DC coefficient of each component: updated.
 * @param end Position in bits that no MCU may exceed.
 * @returns The position behind them; -1 if a code is invalid, if a block is too long, or at `end`.
 */
export function skipMcus(
  view: DataView,
  from: number,
  blocks: readonly BlockTables[],
  predictions: Int32Array,
  { count, end }: { count: number; end: number },
): number {
  let pos = from;
  const length = blocks.length;
  for (let mcu = 0; mcu < count; mcu++) {
    for (let b = 0; b < length; b++) {
      const { component, first, skip, dc, ac } = blocks[b]!;
      let bits = view.getUint32(pos >>> 3) << (pos & 7);
      const entry = first[bits >>> FIRST_SHIFT]!;
      let k = 1;
      if (entry !== 0) {
        const used = entry & 31;
        predictions[component]! += entry >> 16;
        pos += used;
        if (entry & ENDS_BLOCK) continue;
        k += entry >> 5 & 63;
        bits = used <= SPARE ? bits << used : view.getUint32(pos >>> 3) << (pos & 7);
      } else {
        pos = readDc(view, pos, dc);
        if (pos < 0) return -1;
        predictions[component]! += lastDifference;
        bits = view.getUint32(pos >>> 3) << (pos & 7);
      }
      for (;;) {
        let entry = skip[bits >>> AC_SHIFT]!;
        let next = k + (entry >> 5 & 63);
        if (entry === 0 || next > 63) {
          pos = skipAc(view, pos, ac, k);
          if (pos < 0) return -1;
          break;
        }
        k = next;
        pos += entry & 31;
        if (entry & ENDS_BLOCK) break;
        bits = view.getUint32(pos >>> 3) << (pos & 7);
        // The same again, as the bits often are enough for a second look.
        entry = skip[bits >>> AC_SHIFT]!;
        next = k + (entry >> 5 & 63);
        if (entry === 0 || next > 63) {
          pos = skipAc(view, pos, ac, k);
          if (pos < 0) return -1;
          break;
        }
        k = next;
        const used = entry & 31;
        pos += used;
        if (entry & ENDS_BLOCK) break;
        bits = used <= SPARE ? bits << used : view.getUint32(pos >>> 3) << (pos & 7);
      }
    }
    if (pos > end) return -1;
  }
  return pos;
}

/** The difference that {@link readDc} has read. */
export let lastDifference = 0;

/** Reads the difference of a DC coefficient. @returns The position behind it; -1 if it is invalid. */
export function readDc(view: DataView, from: number, dc: Decoder): number {
  const bits = view.getUint32(from >>> 3) << (from & 7);
  const entry = dc.table[bits >>> (32 - LOOK)]! || findLong(dc, bits >>> 16);
  if (entry === INVALID) return -1;
  const pos = from + (entry & 31), size = entry >> 5 & 15;
  lastDifference = entry >> 16;
  if (size === 0) return pos;
  const value = (view.getUint32(pos >>> 3) << (pos & 7)) >>> (32 - size);
  lastDifference = extend(value, size);
  return pos + size;
}

/**
 * Skips the AC coefficients of a block from the coefficient `from` on, code by code.
 *
 * @returns The position behind them; -1 if a code is invalid, or if they are too many.
 */
export function skipAc(view: DataView, at: number, ac: Decoder, from = 1): number {
  let pos = at, k = from;
  while (k < 64) {
    const bits = view.getUint32(pos >>> 3) << (pos & 7);
    const entry = ac.table[bits >>> (32 - LOOK)]! || findLong(ac, bits >>> 16);
    if (entry === INVALID) return -1;
    pos += (entry & 31) + (entry >> 5 & 15);
    const advance = entry >> 9 & 127;
    if (advance > 64) return pos;
    k += advance;
  }
  return k === 64 ? pos : -1;
}
