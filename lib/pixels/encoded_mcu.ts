import type { BitWriter } from "./bit_writer.ts";
import { bitsOf, sizeOf } from "./coefficient.ts";
import type { Encoder } from "./huffman.ts";

/** A block that is ready to be written: only the difference of its DC coefficient depends on others. */
export interface EncodedBlock {
  /** The DC coefficient. */
  readonly dc: number;
  /** The codes and values of the AC coefficients: bits, their number, bits, their number … */
  readonly ac: Int32Array;
}

/** The blocks of an MCU, in the order of the scan. */
export type EncodedMcu = readonly EncodedBlock[];

/** Maximum size of an encoded block in bytes: 64 codes with their values, all of them stuffed. */
export const MAX_BLOCK_SIZE = 512;

/**
 * Encodes a block.
 *
 * @param coefficients In zigzag order.
 * @returns Undefined if the table lacks a symbol.
 */
export function encodeBlock(
  coefficients: ArrayLike<number>,
  { codes, lengths }: Encoder,
): EncodedBlock | undefined {
  const ac: number[] = [];
  let run = 0;
  const put = (symbol: number) => {
    if (lengths[symbol] === 0) return false;
    ac.push(codes[symbol]!, lengths[symbol]!);
    return true;
  };
  for (let k = 1; k < 64; k++) {
    const value = coefficients[k]!;
    if (value === 0) {
      run++;
      continue;
    }
    for (; run > 15; run -= 16) if (!put(0xf0)) return;
    const size = sizeOf(value);
    if (!put(run << 4 | size)) return;
    ac.push(bitsOf(value, size), size);
    run = 0;
  }
  if (run > 0 && !put(0)) return;
  return { dc: coefficients[0]!, ac: Int32Array.from(ac) };
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
