import type { HuffmanTable } from "../jpeg/tables.ts";
import { decoderOf, INVALID, LOOK } from "./huffman.ts";

/** Number of bits of a look at AC coefficients, and of a look at the beginning of a block. */
export const AC_LOOK = LOOK, FIRST_LOOK = 11;
/** Set in an entry with which the block ends. */
export const ENDS_BLOCK = 1 << 11;
/** Maximum number of bits that an entry can have. */
const MAX_BITS = 31;

/**
 * How far a look gets over the AC coefficients of a block: over as many codes with their values as
 * the bits have. An entry has, from its lowest bit: 5 bits for the number of bits to skip, 6 bits
 * for the number of coefficients, {@link ENDS_BLOCK}. The last value may be longer than the look.
 * 0: the first code is longer, or invalid.
 */
export type SkipTable = Uint16Array;

/**
 * The same for a block from its beginning: an entry also has, from its bit 16, the difference of
 * the DC coefficient. 0: the difference needs more bits, or its code is invalid.
 */
export type FirstTable = Int32Array;

const skipTables = new WeakMap<HuffmanTable, SkipTable>();
const firstTables = new WeakMap<HuffmanTable, WeakMap<HuffmanTable, FirstTable>>();

/** Returns the table for AC coefficients, and the same one for the same object. */
export function skipTableOf(ac: HuffmanTable): SkipTable {
  let found = skipTables.get(ac);
  if (!found) skipTables.set(ac, found = makeSkipTable(ac));
  return found;
}

/** Returns the table for the beginning of a block, and the same one for the same objects. */
export function firstTableOf(dc: HuffmanTable, ac: HuffmanTable): FirstTable {
  let tables = firstTables.get(dc);
  if (!tables) firstTables.set(dc, tables = new WeakMap());
  let found = tables.get(ac);
  if (!found) tables.set(ac, found = makeFirstTable(dc, ac));
  return found;
}

function makeSkipTable(ac: HuffmanTable): SkipTable {
  const codes = codesOf(ac);
  const skips = new Uint16Array(1 << AC_LOOK);
  for (let bits = 0; bits < skips.length; bits++) skips[bits] = skip(codes, bits, AC_LOOK);
  return skips;
}

function makeFirstTable(dc: HuffmanTable, ac: HuffmanTable): FirstTable {
  const { table } = decoderOf(dc, false);
  const codes = codesOf(ac);
  const first = new Int32Array(1 << FIRST_LOOK);
  for (let bits = 0; bits < first.length; bits++) {
    const entry = table[bits << (LOOK - FIRST_LOOK)]!;
    const used = entry & 31, missing = entry >> 5 & 15;
    if (entry === 0 || missing > 0 || used > FIRST_LOOK) continue;
    const rest = bits << used & (1 << FIRST_LOOK) - 1;
    const more = skip(codes, rest << (LOOK - FIRST_LOOK), FIRST_LOOK - used);
    // A block of 64 coefficients has no end: the next code would belong to the next block.
    const fits = used + (more & 31) <= MAX_BITS && (more >> 5 & 63) < 63;
    first[bits] = (fits ? more : 0) + used | entry >> 16 << 16;
  }
  return first;
}

/**
 * Codes by the next {@link LOOK} bits: 5 bits for the length of the code, 5 bits for that of its
 * value, 7 bits for the number of coefficients. 0: the code is longer, or invalid.
 */
function codesOf(ac: HuffmanTable): Int32Array {
  const { table } = decoderOf(ac, true);
  const codes = new Int32Array(1 << LOOK);
  let code = 0, next = 0;
  for (let length = 1; length <= LOOK; length++) {
    for (let i = 0; i < ac.counts[length - 1]!; i++, code++) {
      const size = ac.values[next++]! & 15;
      const from = code << (LOOK - length), to = code + 1 << (LOOK - length);
      const entry = table[from]!;
      if (entry === 0 || entry === INVALID) continue;
      codes.fill(length | size << 5 | (entry >> 9 & 127) << 10, from, to);
    }
    code <<= 1;
  }
  return codes;
}

/** Returns how far the first `available` of {@link LOOK} bits get. */
function skip(codes: Int32Array, bits: number, available: number): number {
  let used = 0, coefficients = 0;
  while (used < available) {
    const entry = codes[bits << used & (1 << LOOK) - 1]!;
    const length = entry & 31, size = entry >> 5 & 31, advance = entry >> 10;
    if (entry === 0 || used + length > available || used + length + size > MAX_BITS) break;
    if (advance > 64) return used + length | coefficients << 5 | ENDS_BLOCK;
    if (coefficients + advance > 63) break;
    coefficients += advance;
    used += length + size;
  }
  return used | coefficients << 5;
}
