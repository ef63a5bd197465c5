import type { HuffmanTable } from "../jpeg/tables.ts";
import { extend } from "./coefficient.ts";

/** Number of bits that are looked up at once. */
export const LOOKUP = 12;
const MASK = (1 << LOOKUP) - 1;

/** Flag of an entry: what follows must be read by {@link findCode}. */
export const SLOW = 1 << 5;
/** Flag of an entry of {@link AcTables}: the block ends behind its coefficients. */
export const ENDS = 1 << 6;
/** Flag of an entry of {@link AcTables}, beside {@link ENDS}: it has no coefficient. */
export const ALONE = 1 << 7;

/** Tables to read DC coefficients. */
export interface DcTables {
  /** By {@link LOOKUP} bits: 5 bits the number of bits, {@link SLOW}, the difference above 16 bits. */
  readonly values: Int32Array;
  readonly codes: Codes;
}

/** Tables to read AC coefficients: several symbols at once where {@link LOOKUP} bits hold them. */
export interface AcTables {
  /**
   * Up to two coefficients and the end of the block. From the lowest bit: 5 bits the number of
   * bits, {@link SLOW}, {@link ENDS}, {@link ALONE}, 4 bits the distance from the first coefficient
   * to the second (0: there is no second), 4 bits the number of zeros before the first, 8 bits the
   * second and 8 bits the first.
   */
  readonly pairs: Int32Array;
  /**
   * For coefficients that are not needed: any number of them, and the end of the block. From the
   * lowest bit: 5 bits the number of bits, {@link SLOW}, {@link ENDS}, an unused one, and the number
   * of places.
   */
  readonly skips: Int32Array;
  readonly codes: Codes;
}

const dcTables = new WeakMap<HuffmanTable, DcTables>();
const acTables = new WeakMap<HuffmanTable, AcTables>();

/** Returns the tables for DC coefficients, and the same ones for the same object. */
export function dcTablesOf(table: HuffmanTable): DcTables {
  let found = dcTables.get(table);
  if (!found) {
    const values = symbolsOf(table).map((entry) =>
      entry === 0 || (entry & 31) > LOOKUP ? SLOW : entry & 31 | entry >> 17 << 16
    );
    dcTables.set(table, found = { values, codes: codesOf(table) });
  }
  return found;
}

/** Returns the tables for AC coefficients, and the same ones for the same object. */
export function acTablesOf(table: HuffmanTable): AcTables {
  let found = acTables.get(table);
  if (!found) {
    const symbols = symbolsOf(table);
    const pairs = new Int32Array(1 << LOOKUP), skips = new Int32Array(1 << LOOKUP);
    for (let bits = 0; bits <= MASK; bits++) {
      pairs[bits] = pairAt(symbols, bits);
      skips[bits] = skipAt(symbols, bits);
    }
    acTables.set(table, found = { pairs, skips, codes: codesOf(table) });
  }
  return found;
}

/**
 * Returns the first symbol in {@link LOOKUP} bits, by the bits. From the lowest bit: 5 bits the number of
 * bits with those of the value, 4 bits that of the code, 8 bits the symbol, and the value if it is
 * in the bits. 0: no code.
 */
function symbolsOf({ counts, values }: HuffmanTable): Int32Array {
  const entries = new Int32Array(1 << LOOKUP);
  let code = 0, next = 0;
  for (let length = 1; length <= LOOKUP; length++) {
    const spare = LOOKUP - length;
    for (let i = 0; i < counts[length - 1]!; i++, code++) {
      const symbol = values[next++]!, size = symbol & 15;
      const entry = length + size | length << 5 | symbol << 9;
      for (let rest = 0; rest < 1 << spare; rest++) {
        const hasValue = size > 0 && size <= spare;
        const value = hasValue ? extend(rest >> spare - size, size) : 0;
        entries[code << spare | rest] = entry | value << 17;
      }
    }
    code <<= 1;
  }
  return entries;
}

/** Makes an entry of {@link AcTables.pairs}. */
function pairAt(symbols: Int32Array, bits: number): number {
  const first = symbols[bits]!;
  if (isEnd(first)) return lengthOf(first) | ENDS | ALONE;
  if (!isShort(first) || lengthOf(first) > LOOKUP) return SLOW;
  let used = lengthOf(first);
  let entry = first >> 17 << 24 | runOf(first) << 12;
  const second = symbols[bits << used & MASK]!;
  if (isShort(second) && runOf(second) < 15 && used + lengthOf(second) <= LOOKUP) {
    used += lengthOf(second);
    entry |= (second >> 17 & 255) << 16 | runOf(second) + 1 << 8;
  }
  const last = symbols[bits << used & MASK]!;
  if (!isEnd(last) || used + lengthOf(last) > LOOKUP) return entry | used;
  return entry | used + lengthOf(last) | ENDS;
}

/** Makes an entry of {@link AcTables.skips}. */
function skipAt(symbols: Int32Array, bits: number): number {
  let used = 0, places = 0;
  while (used < LOOKUP) {
    const entry = symbols[bits << used & MASK]!;
    if (entry === 0 || used + (entry >> 5 & 15) > LOOKUP) break;
    used += lengthOf(entry);
    if (isEnd(entry)) return used | ENDS | places << 8;
    places += runOf(entry) + 1;
  }
  return used === 0 ? SLOW : used | places << 8;
}

function lengthOf(entry: number): number {
  return entry & 31;
}

function runOf(entry: number): number {
  return entry >> 13 & 15;
}

/** Whether a symbol has a value of a byte. */
function isShort(entry: number): boolean {
  const size = entry >> 9 & 15;
  return size >= 1 && size <= 7;
}

/** Whether a symbol ends its block: in damaged data, some others than EOB do, too. */
function isEnd(entry: number): boolean {
  return entry !== 0 && (entry >> 9 & 15) === 0 && runOf(entry) < 15;
}

/** All codes of a table. */
export interface Codes {
  /** By length: the first 16 bits that are no code of this or a smaller length. */
  readonly limits: Int32Array;
  /** By length: index of its first value, less its first code. */
  readonly offsets: Int32Array;
  readonly values: Uint8Array;
}

function codesOf({ counts, values }: HuffmanTable): Codes {
  const limits = new Int32Array(17), offsets = new Int32Array(17);
  let code = 0, next = 0;
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1]!;
    offsets[length] = next - code;
    code += count;
    next += count;
    limits[length] = code << 16 - length;
    code <<= 1;
  }
  return { limits, offsets, values };
}

/** Finds the code at the start of 16 bits. @returns Its length above 8 bits of symbol; 0: no code. */
export function findCode({ limits, offsets, values }: Codes, bits: number): number {
  for (let length = 1; length <= 16; length++) {
    if (bits >= limits[length]!) continue;
    return length << 8 | values[offsets[length]! + (bits >> 16 - length)]!;
  }
  return 0;
}
