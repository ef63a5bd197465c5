import type { BitWriter } from "./bit_writer.ts";
import { bitsOf, sizeOf } from "./coefficient.ts";
import type { Encoder } from "./huffman.ts";
import type { NearestSymbols } from "./nearest_symbols.ts";
import type { TextBlock } from "./text_blocks.ts";

/** A block that is ready to be written: only the difference of its DC coefficient depends on others. */
export interface EncodedBlock {
  /** The DC coefficient. */
  readonly dc: number;
  /** The codes and values of the AC coefficients: bits, their number, bits, their number … */
  readonly ac: Int32Array;
  /** Which part of the contrast is wrong, as energy: 0 if the AC coefficients are the intended ones. */
  readonly loss: number;
}

/** An MCU that is ready to be written. */
export interface EncodedMcu {
  /** In the order of the scan. */
  readonly blocks: readonly EncodedBlock[];
  /** Whether the DC coefficients must be exact. Otherwise the nearest ones will do. */
  readonly isExact: boolean;
}

/** Maximum size of an encoded block in bytes: 64 codes with their values, all of them stuffed. */
export const MAX_BLOCK_SIZE = 512;

/** Encodes a block as it is. @returns Undefined if the table lacks a symbol. */
export function encodeBlock(
  { dc, ac }: TextBlock,
  { codes, lengths }: Encoder,
): EncodedBlock | undefined {
  const encoded: number[] = [];
  let last = 0;
  const put = (symbol: number) => {
    if (lengths[symbol] === 0) return false;
    encoded.push(codes[symbol]!, lengths[symbol]!);
    return true;
  };
  for (let i = 0; i < ac.length; i += 2) {
    const k = ac[i]!, value = ac[i + 1]!, size = sizeOf(value);
    let run = k - last - 1;
    for (; run > 15; run -= 16) if (!put(0xf0)) return;
    if (!put(run << 4 | size)) return;
    encoded.push(bitsOf(value, size), size);
    last = k;
  }
  if (last < 63 && !put(0)) return;
  return { dc, ac: Int32Array.from(encoded), loss: 0 };
}

const codes = new Int32Array(4 * 64);

/**
 * Encodes a block with the symbols that a table has, as near to the original as they allow.
 *
 * @param steps The quantization table.
 * @returns Undefined if the table lacks the code that ends a block.
 */
export function encodeNearestBlock(
  { dc, ac }: TextBlock,
  { codes: symbols, lengths }: Encoder,
  nearest: NearestSymbols,
  steps: Uint16Array,
): EncodedBlock | undefined {
  if (lengths[0] === 0) return undefined;
  let end = 0, last = 0, wrong = 0, energy = 0;
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
    const run = k - last - 1, rest = run & 15, size = sizeOf(wanted);
    if (run > 15 && lengths[0xf0] === 0) {
      wrong += (wanted * step) ** 2;
      continue;
    }
    let value = wanted, before = -1;
    if (lengths[rest << 4 | size] === 0) {
      value = nearest.valueBehind(rest, wanted);
      before = nearest.split(rest, size);
      const extra = before < 0 ? Infinity : steps[k - rest + before]! ** 2;
      const error = ((wanted - value) * step) ** 2;
      if (extra < error) value = wanted;
      else before = -1;
      wrong += Math.min(extra, error);
      if (value === 0) continue;
    }
    for (let zeros = run; zeros > 15; zeros -= 16) put(0xf0, 0);
    if (before >= 0) put(before << 4 | 1, 1);
    put((before < 0 ? rest : rest - 1 - before) << 4 | sizeOf(value), value);
    last = k;
  }
  if (last < 63) put(0, 0);
  return { dc, ac: codes.slice(0, end), loss: energy === 0 ? 0 : wrong / energy };
}

/** Writes the AC coefficients of a block. */
export function writeAc(writer: BitWriter, { ac }: EncodedBlock): void {
  for (let i = 0; i < ac.length; i += 2) writer.write(ac[i]!, ac[i + 1]!);
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
