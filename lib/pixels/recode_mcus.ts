import type { HuffmanTable } from "../jpeg/tables.ts";
import type { BitWriter } from "./bit_writer.ts";
import { bitsOf, sizeOf } from "./coefficient.ts";
import { MAX_BLOCK_SIZE } from "./encoded_mcu.ts";
import {
  type Decoder,
  decoderOf,
  type Encoder,
  END_OF_BLOCK,
  findLong,
  INVALID,
  LOOK,
} from "./huffman.ts";
import { lastDifference, readDc } from "./mcu_walk.ts";

/** Maximum number of bits of an entry, and the number of coefficients of the end of a block. */
const MAX_BITS = 31, ENDS = 128;

/** How to write the codes of one table for AC coefficients with those of another. */
interface AcCodes {
  readonly decoder: Decoder;
  readonly encoder: Encoder;
  /**
   * By {@link LOOK} bits, for as many codes with their values as these have. From the lowest bit: 5
   * bits the number of bits read, 5 bits that of the bits written, 8 bits the number of
   * coefficients, and {@link ENDS} more if the block ends, 4 bits the number of bits of the last
   * value behind these bits, to be copied. 0: the first code is longer, or invalid.
   */
  readonly entries: Int32Array;
  /** The bits written, without the ones to be copied. */
  readonly bits: Int32Array;
}

/** How to write the codes of a block with those of other tables. */
export interface BlockTranscoding {
  readonly dcDecoder: Decoder;
  readonly dcEncoder: Encoder;
  readonly ac: AcCodes;
}

/** Two pairs of tables: those that data were encoded with, and others. */
export interface TablePairs {
  readonly from: { readonly dc: HuffmanTable; readonly ac: HuffmanTable };
  readonly to: { readonly dc: Encoder; readonly ac: Encoder };
}

/** Makes the codes for blocks of a component. */
export function makeTranscoding({ from, to }: TablePairs): BlockTranscoding {
  const decoder = decoderOf(from.ac, true);
  const entries = new Int32Array(1 << LOOK), bits = new Int32Array(1 << LOOK);
  for (let look = 0; look < 1 << LOOK; look++) {
    addEntry({ decoder, encoder: to.ac, entries, bits }, look);
  }
  const ac = { decoder, encoder: to.ac, entries, bits };
  return { dcDecoder: decoderOf(from.dc, false), dcEncoder: to.dc, ac };
}

function addEntry({ decoder, encoder, entries, bits }: AcCodes, look: number): void {
  let used = 0, written = 0, coefficients = 0, missing = 0, value = 0;
  while (used < LOOK && coefficients < 64 && missing === 0) {
    const entry = decoder.table[look << used & (1 << LOOK) - 1]!;
    if (entry === 0 || entry === INVALID || used + (entry & 31) > LOOK) break;
    const advance = entry >> 9 & 127, number = entry >> 16;
    missing = entry >> 5 & 15;
    const size = missing || sizeOf(number);
    const symbol = advance === END_OF_BLOCK ? 0 : advance - 1 << 4 | size;
    const length = encoder.lengths[symbol]!;
    if (length === 0 || written + length + size > MAX_BITS) {
      missing = 0;
      break;
    }
    value = value << length | encoder.codes[symbol]!;
    if (missing === 0 && size > 0) value = value << size | bitsOf(number, size);
    used += entry & 31;
    written += length + size - missing;
    coefficients += advance === END_OF_BLOCK ? ENDS : advance;
  }
  if (used === 0) return;
  entries[look] = used | written << 5 | coefficients << 10 | missing << 18;
  bits[look] = value;
}

/**
 * Writes MCUs with the codes of other tables.
 *
 * @param view Data as of `unstuff`.
 * @param from Position in bits.
 * @param blocks The codes for each block of an MCU.
 * @param writer Must be at a byte's edge.
 * @param end Position in bits that no MCU may exceed.
 * @returns The position behind them; -1 if a code is invalid, if a block is too long, or at `end`.
 */
export function recodeMcus(
  view: DataView,
  from: number,
  blocks: readonly BlockTranscoding[],
  writer: BitWriter,
  { count, end }: { count: number; end: number },
): number {
  let pos = from, at = writer.end;
  let into = new DataView(writer.bytes.buffer);
  let pending = 0, free = 32; // bits that are not written yet, and how many more have room
  const blockCount = blocks.length, size = blockCount * MAX_BLOCK_SIZE;
  for (let mcu = 0; mcu < count; mcu++) {
    if (at + size > into.byteLength) {
      writer.end = at;
      writer.reserve(size);
      into = new DataView(writer.bytes.buffer);
    }
    for (let b = 0; b < blockCount; b++) {
      const { dcDecoder, dcEncoder, ac } = blocks[b]!;
      const { entries, bits: written } = ac;
      pos = readDc(view, pos, dcDecoder);
      if (pos < 0) return -1;
      const dcSize = sizeOf(lastDifference);
      if (dcEncoder.lengths[dcSize] === 0) return -1;
      let length = dcEncoder.lengths[dcSize]! + dcSize;
      let bits = dcEncoder.codes[dcSize]! << dcSize | bitsOf(lastDifference, dcSize);
      for (let k = 1;;) {
        if (length <= free) {
          pending = pending << length | bits;
          free -= length;
        } else {
          const rest = length - free;
          const word = free === 0 ? pending : pending << free | bits >>> rest;
          if ((word & ~(word + 0x01010101) & 0x80808080) === 0) {
            into.setInt32(at, word);
            at += 4;
          } else at = stuff(into, at, word);
          pending = bits;
          free = 32 - rest;
        }
        if (k >= 64) {
          if (k === 64 || k >= ENDS) break;
          return -1;
        }
        const look = view.getUint32(pos >>> 3) << (pos & 7);
        const entry = entries[look >>> 32 - LOOK]!;
        const next = k + (entry >> 10 & 255);
        if (entry === 0 || next > 64 && next < ENDS || next >= ENDS + 64) {
          const symbol = symbolAt(ac.decoder, look);
          const codeLength = symbol >> 8, run = symbol >> 4 & 15, size = symbol & 15;
          length = ac.encoder.lengths[symbol & 255]!;
          if (symbol < 0 || length === 0) return -1;
          pos += codeLength;
          bits = ac.encoder.codes[symbol & 255]! << size;
          if (size > 0) bits |= (view.getUint32(pos >>> 3) << (pos & 7)) >>> 32 - size;
          pos += size;
          length += size;
          k = (symbol & 255) === 0 ? ENDS : k + run + 1;
        } else {
          const used = entry & 31, missing = entry >> 18;
          length = entry >> 5 & 31;
          bits = written[look >>> 32 - LOOK]!;
          pos += used + missing;
          k = next;
          if (missing > 0) {
            length += missing;
            bits = bits << missing | look << used >>> 32 - missing;
          }
        }
      }
    }
    if (pos > end) return -1;
  }
  writer.end = at;
  const used = 32 - free;
  for (let left = used; left > 0;) {
    const length = Math.min(16, left);
    left -= length;
    writer.write(pending >>> left & (1 << length) - 1, length);
  }
  return pos;
}

/** Returns the first symbol of 32 bits, and from its bit 8 the length of its code; -1: invalid. */
function symbolAt(decoder: Decoder, look: number): number {
  const entry = decoder.table[look >>> 32 - LOOK]! || findLong(decoder, look >>> 16);
  if (entry === INVALID) return -1;
  const advance = entry >> 9 & 127, size = entry >> 5 & 15 || sizeOf(entry >> 16);
  const length = (entry & 31) - (entry >> 5 & 15 ? 0 : size);
  return length << 8 | (advance === END_OF_BLOCK ? 0 : advance - 1 << 4 | size);
}

/** Writes 32 bits, with a zero behind each FF. @returns The end of them. */
function stuff(into: DataView, start: number, bits: number): number {
  let at = start;
  for (let shift = 24; shift >= 0; shift -= 8) {
    const byte = bits >>> shift & 255;
    into.setUint8(at++, byte);
    if (byte === 255) into.setUint8(at++, 0);
  }
  return at;
}
