import type { BitWriter } from "./bit_writer.ts";
import { bitsOf, sizeOf } from "./coefficient.ts";
import type { Encoder } from "./huffman.ts";
import type { NearestSymbols } from "./nearest_symbols.ts";
import type { TextBlock } from "./text_block_cache.ts";

/** A block that is ready to be written: only the difference of its DC coefficient depends on others. */
export interface EncodedBlock {
  /** The DC coefficient. */
  readonly dc: number;
  /** The codes and values of the AC coefficients: bits, their number, bits, their number … */
  readonly ac: Int32Array;
  /** Contrast between letters and ground, as a part of the intended one; undefined without letters. */
  readonly contrast?: number;
}

/** The blocks of an MCU, in the order of the scan. */
export type EncodedMcu = readonly EncodedBlock[];

/** Maximum size of an encoded block in bytes: 64 codes with their values, all of them stuffed. */
export const MAX_BLOCK_SIZE = 512;

const codes = new Int32Array(4 * 64);

/**
 * Encodes a block: if the table lacks a symbol, with the nearest one that it has. It must have the
 * one that ends a block.
 *
 * @param steps The quantization table. */
export function encodeBlock(
  { dc, ac }: TextBlock,
  { codes: symbols, lengths }: Encoder,
  nearest: NearestSymbols,
  steps: Uint16Array,
): EncodedBlock {
  let end = 0, last = 0, shown = 0, energy = 0;
  const put = (symbol: number, value: number) => {
    const size = symbol & 15;
    codes[end++] = symbols[symbol]!;
    codes[end++] = lengths[symbol]!;
    if (size === 0) return;
    codes[end++] = bitsOf(value, size);
    codes[end++] = size;
  };
  for (let i = 0; i < ac.length; i += 2) {
    const k = ac[i]!, wanted = ac[i + 1]!, step = steps[k]!;
    energy += (wanted * step) ** 2;
    const run = k - last - 1, rest = run & 15;
    if (run > 15 && lengths[0xf0] === 0) continue;
    let value = wanted, before = -1;
    if (lengths[rest << 4 | sizeOf(wanted)] === 0) {
      ({ value, before } = nearest.substitute(rest, wanted));
      if (value === 0) continue;
    }
    shown += value * wanted * step ** 2;
    for (let zeros = run; zeros > 15; zeros -= 16) put(0xf0, 0);
    if (before >= 0) put(before << 4 | 1, 1);
    put((before < 0 ? rest : rest - 1 - before) << 4 | sizeOf(value), value);
    last = k;
  }
  if (last < 63) put(0, 0);
  const encoded = { dc, ac: codes.slice(0, end) };
  return energy === 0 ? encoded : { ...encoded, contrast: shown / energy };
}

/** Writes a block that follows the DC coefficient `prediction`. @returns False if the table lacks a symbol. */
export function writeBlock(
  writer: BitWriter,
  { dc, ac }: EncodedBlock,
  prediction: number,
  encoder: Encoder,
): boolean {
  if (!writeDifference(writer, dc - prediction, encoder)) return false;
  for (let i = 0; i < ac.length; i += 2) writer.write(ac[i]!, ac[i + 1]!);
  return true;
}

/** Writes the difference of a DC coefficient. @returns False if the table lacks a symbol. */
export function writeDifference(
  writer: BitWriter,
  difference: number,
  { codes, lengths }: Encoder,
): boolean {
  const size = sizeOf(difference);
  if (size > 11 || lengths[size] === 0) return false;
  writer.write(codes[size]!, lengths[size]!);
  if (size > 0) writer.write(bitsOf(difference, size), size);
  return true;
}
