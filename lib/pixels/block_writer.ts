import { type Bytes, copyWithHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { STANDARD_TABLES } from "../jpeg/tables.ts";
import { bitsOf, sizeOf } from "./coefficient.ts";
import { type Encoder, makeEncoder } from "./huffman.ts";

/** Maximum number of bytes of a block, with a zero behind each. */
const MAX_BLOCK = 512;

/** Largest AC coefficient of a baseline JPEG. */
const MAX_AC = 1023;

/** The standard tables in the form that blocks are written with. */
export interface BlockCodes {
  /** By size: the code above 5 bits, and its length. */
  readonly dc: Int32Array;
  /**
   * By number of zeros and lowest 8 bits of the value, if it is from -127 to 127: the code and the
   * value above 5 bits, and their length.
   */
  readonly ac: Int32Array;
  readonly acEncoder: Encoder;
}

/** The codes for luminance, and for colour. */
export const BLOCK_CODES: readonly [BlockCodes, BlockCodes] = [codesOf(0), codesOf(1)];

function codesOf(id: 0 | 1): BlockCodes {
  const dcEncoder = makeEncoder(STANDARD_TABLES[id]!),
    acEncoder = makeEncoder(STANDARD_TABLES[2 + id]!);
  const dc = Int32Array.from({ length: 12 }, (_, size) => entryOf(dcEncoder, size));
  const ac = Int32Array.from({ length: 16 * 256 }, (_, index) => {
    const value = index << 24 >> 24;
    const size = sizeOf(value);
    const entry = entryOf(acEncoder, index >> 8 << 4 | size);
    return ((entry >> 5) << size | bitsOf(value, size)) << 5 | (entry & 31) + size;
  });
  return { dc, ac, acEncoder };
}

function entryOf({ codes, lengths }: Encoder, symbol: number): number {
  return codes[symbol]! << 5 | lengths[symbol]!;
}

/** Writes a JPEG: a header, then blocks with the standard Huffman tables. */
export class BlockWriter {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;
  /** Bits that are not in `bytes` yet, and how many more have room. */
  #pending = 0;
  #free = 32;

  /** Starts a picture. */
  start(header: Bytes): void {
    this.#end = 0;
    this.#pending = 0;
    this.#free = 32;
    this.#reserve(header.length);
    this.#bytes.set(header);
    this.#end = header.length;
  }

  /**
   * Writes a block.
   *
   * @param block The coefficients in zigzag order. The first is the difference of the DC coefficient
   * from the previous one.
   * @param last Place of the last coefficient that can be other than 0.
   */
  write(block: Int32Array, last: number, { dc, ac, acEncoder }: BlockCodes): void {
    this.#reserve(MAX_BLOCK);
    const view = this.#view;
    let end = this.#end, pending = this.#pending, free = this.#free;

    const difference = block[0]!, dcSize = sizeOf(difference);
    const dcEntry = dc[dcSize]!;
    let length = (dcEntry & 31) + dcSize;
    let bits = dcEntry >> 5 << dcSize | bitsOf(difference, dcSize);
    for (let k = 0;;) {
      if (length <= free) {
        pending = pending << length | bits;
        free -= length;
      } else {
        const rest = length - free;
        end = put(view, end, pending << free | bits >>> rest);
        pending = bits;
        free = 32 - rest;
      }
      if (k >= 63) break;
      let next = k + 1;
      while (next <= last && block[next] === 0) next++;
      let entry: number;
      if (next > last) {
        entry = ac[0]!;
        k = 64;
      } else if (next - k > 16) {
        entry = ac[15 << 8]!;
        k += 16;
      } else {
        const value = block[next]!, run = next - k - 1;
        k = next;
        if (value + 127 >>> 0 > 254) {
          const limited = Math.max(-MAX_AC, Math.min(value, MAX_AC)), size = sizeOf(limited);
          const symbol = run << 4 | size;
          length = acEncoder.lengths[symbol]! + size;
          bits = acEncoder.codes[symbol]! << size | bitsOf(limited, size);
          continue;
        }
        entry = ac[run << 8 | value & 255]!;
      }
      length = entry & 31;
      bits = entry >>> 5;
    }
    this.#end = end;
    this.#pending = pending;
    this.#free = free;
  }

  /** Ends the picture. @returns A copy, with headroom. */
  finish(): Jpeg {
    this.#reserve(16);
    // ones up to the byte's end, then EOI
    const used = 32 - this.#free;
    const pending = used === 0 ? 0 : this.#pending << this.#free | (1 << this.#free) - 1;
    for (let bits = 0; bits < used; bits += 8) {
      const byte = pending >>> 24 - bits & 255;
      this.#bytes[this.#end++] = byte;
      if (byte === 255) this.#bytes[this.#end++] = 0;
    }
    this.#bytes[this.#end++] = 0xff;
    this.#bytes[this.#end++] = 0xd9;
    return copyWithHeadroom(this.#bytes.subarray(0, this.#end));
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#bytes.length) return;
    const larger = new Uint8Array(this.#bytes.length * 2 + more);
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Writes 32 bits, with a zero behind each FF. @returns The end of them. */
function put(view: DataView, at: number, bits: number): number {
  if ((bits & ~(bits + 0x01010101 | 0) & 0x80808080) === 0) {
    view.setInt32(at, bits);
    return at + 4;
  }
  for (let shift = 24; shift >= 0; shift -= 8) {
    const byte = bits >>> shift & 255;
    view.setUint8(at++, byte);
    if (byte === 255) view.setUint8(at++, 0);
  }
  return at;
}
