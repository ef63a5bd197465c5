import { extend } from "./coefficient.ts";
import {
  type AcTables,
  ALONE,
  type DcTables,
  ENDS,
  findCode,
  LOOKUP,
  SLOW,
} from "./value_tables.ts";

/**
 * Places of a block: 64 coefficients, then one for those that are not needed, and the place of the
 * last coefficient in zigzag order or {@link FLAT}.
 */
export const BLOCK_PLACES = 66, NOT_NEEDED = 64, LAST = 65;

/** The block has no AC coefficient. */
export const FLAT = -1;

/** How the blocks of a component are read. */
export interface BlockFormat {
  readonly dc: DcTables;
  readonly ac: AcTables;
  /** Place of the last coefficient that is needed, in zigzag order. */
  readonly last: number;
  /** By place in zigzag order: the place in the block, or {@link NOT_NEEDED}. */
  readonly places: Uint8Array;
  /** By place in zigzag order: what the coefficient is multiplied with. */
  readonly factors: Int32Array;
}

/**
 * Reads a block of a baseline JPEG into `block`, whose AC coefficients must be 0. The DC coefficient
 * is its difference, not multiplied. Nearly all the time of processing a picture is spent here.
 *
 * @param position Place of its first bit.
 * @returns The place of the bit behind it.
 */
export function readBlock(
  view: DataView,
  position: number,
  format: BlockFormat,
  block: Int32Array,
): number {
  const { ac: { pairs, skips }, last, places, factors } = format;
  let at = position;
  let window = view.getUint32(at >>> 3) << (at & 7);
  let entry = format.dc.values[window >>> 32 - LOOKUP]!;
  if ((entry & SLOW) === 0) {
    block[0] = entry >> 16;
    at += entry & 31;
    window <<= entry; // 13 of its 25 sure bits are left, at least
  } else {
    at = readLongDc(view, at, format.dc, block);
    window = view.getUint32(at >>> 3) << (at & 7);
  }

  let k = 0;
  while (k < last) {
    entry = pairs[window >>> 32 - LOOKUP]!;
    const first = k + (entry >> 12 & 15) + 1, second = first + (entry >> 8 & 15);
    if ((entry & SLOW) !== 0 || second > 62) {
      k = readLong(view, at, k, format, block);
      at = longEnd;
    } else {
      at += entry & 31;
      // If there is no second one, both have the same place.
      block[places[second]!] = Math.imul(entry << 8 >> 24, factors[second]!);
      block[places[first]!] = Math.imul(entry >> 24, factors[first]!);
      k = second + (entry & (ENDS | ALONE));
    }
    window = view.getUint32(at >>> 3) << (at & 7);
  }
  // An end alone counts as a coefficient of value 0.
  block[LAST] = k === (1 | ENDS | ALONE) ? FLAT : k & 63;

  while (k < 63) {
    entry = skips[window >>> 32 - LOOKUP]!;
    const reached = k + (entry >> 8);
    if ((entry & SLOW) !== 0 || reached > 62) {
      k = readLong(view, at, k, format, block);
      at = longEnd;
    } else {
      at += entry & 31;
      k = reached + (entry & ENDS);
    }
    window = view.getUint32(at >>> 3) << (at & 7);
  }
  return at;
}

function readLongDc(
  view: DataView,
  position: number,
  { codes }: DcTables,
  block: Int32Array,
): number {
  const code = findCode(codes, (view.getUint32(position >>> 3) << (position & 7)) >>> 16);
  const at = position + (code >> 8 || 1), size = code & 15;
  block[0] = size === 0 ? 0 : extend((view.getUint32(at >>> 3) << (at & 7)) >>> 32 - size, size);
  return at + size;
}

/** Where {@link readLong} ended. */
let longEnd = 0;

/** Reads a coefficient of any length behind place `k`. @returns Its place. */
function readLong(
  view: DataView,
  position: number,
  k: number,
  { ac: { codes }, places, factors }: BlockFormat,
  block: Int32Array,
): number {
  const code = findCode(codes, (view.getUint32(position >>> 3) << (position & 7)) >>> 16);
  const at = position + (code >> 8 || 1), size = code & 15;
  longEnd = at + size;
  const place = code === 0 ? k + ENDS : k + placesOf(code & 255);
  if (size === 0) return place;
  if (place < 64) {
    const value = extend((view.getUint32(at >>> 3) << (at & 7)) >>> 32 - size, size);
    block[places[place]!] = Math.imul(value, factors[place]!);
  }
  return Math.min(place, 63);
}

/** Number of places that an AC symbol covers. */
function placesOf(symbol: number): number {
  return (symbol & 15) > 0 ? (symbol >> 4) + 1 : symbol === 0xf0 ? 16 : ENDS;
}
