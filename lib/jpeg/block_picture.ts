import { type Bytes, HEADROOM, markHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import type { Size } from "./segments.ts";
import { STANDARD_DHT, STANDARD_TABLES } from "./tables.ts";

/** Width and height of a block in pixels. */
const BLOCK = 8;
/**
 * All components use the standard tables for chrominance: their code for "no change" is shorter.
 */
const DC_TABLE = 0x01, AC_TABLE = 0x11;
/**
 * Quantization step of DC coefficients: a DC coefficient is 8 times the mean of its block, so 8 is
 * one grey level.
 */
const DC_STEP = 8;
/** Quantization step of AC coefficients, the finest. */
const AC_STEP = 1;
/**
 * Maximum size of an encoded unit of 16x16 pixels: four blocks of luminance and two of chrominance.
 */
const MAX_UNIT_BYTES = 24;

/**
 * A picture made of grey blocks of 8x8 pixels, the blocks of a JPEG. Each block is one DC
 * coefficient, so encoding takes little time and few bytes.
 */
export class BlockPicture {
  /** Number of columns of blocks; the picture's edge may cut the last one. */
  readonly columns: number;
  /** Number of rows of blocks; the picture's edge may cut the last one. */
  readonly rows: number;
  readonly #size: Size;
  readonly #greys: Uint8Array;

  /** @throws {RangeError} If a JPEG cannot have that size. */
  constructor(size: Size, background: number) {
    for (const length of [size.width, size.height]) {
      if (Number.isInteger(length) && length >= 1 && length <= 0xffff) continue;
      throw new RangeError(`Cannot make a JPEG of ${size.width}x${size.height} pixels`);
    }
    this.#size = size;
    this.columns = Math.ceil(size.width / BLOCK);
    this.rows = Math.ceil(size.height / BLOCK);
    this.#greys = new Uint8Array(this.columns * this.rows).fill(background);
  }

  /** Fills a rectangle of blocks, clipped to the picture. */
  fill(column: number, row: number, width: number, height: number, grey: number): void {
    const left = Math.max(column, 0);
    const right = Math.min(column + width, this.columns);
    for (let y = Math.max(row, 0); y < Math.min(row + height, this.rows) && left < right; y++) {
      this.#greys.fill(grey, y * this.columns + left, y * this.columns + right);
    }
  }

  /** Encodes the picture: baseline, 4:2:0, with {@link HEADROOM} around it. */
  encode(): Jpeg {
    const header = headerOf(this.#size);
    const units = Math.ceil(this.columns / 2) * Math.ceil(this.rows / 2);
    const bits = new BitWriter(header, units * 4 + MAX_UNIT_BYTES);
    let last = this.#greys[0]!;
    let block = writeFirst(bits, last - 128);
    for (let row = 0; row < this.rows; row += 2) {
      for (let column = 0; column < this.columns; column += 2) {
        bits.reserve(MAX_UNIT_BYTES);
        for (; block < 4; block++) {
          const grey = this.#greyAt(column + (block & 1), row + (block >> 1));
          writeBlock(bits, grey - last);
          last = grey;
        }
        bits.write(SAME_COLOUR.code, SAME_COLOUR.length);
        block = 0;
      }
    }
    return markHeadroom(bits.finish());
  }

  /**
   * Grey level of a block. Units of 16x16 pixels may reach beyond the edges, where the edge is
   * repeated.
   */
  #greyAt(column: number, row: number): number {
    const y = Math.min(row, this.rows - 1);
    return this.#greys[y * this.columns + Math.min(column, this.columns - 1)]!;
  }
}

function headerOf({ width, height }: Size): Bytes {
  const [h1, h2, w1, w2] = [height >> 8, height & 0xff, width >> 8, width & 0xff];
  const jfif = [0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0];
  const dqt = [0xff, 0xdb, 0, 67, 0, DC_STEP, ...Array(63).fill(AC_STEP)];
  const components = [1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0];
  const sof = [0xff, 0xc0, 0, 17, 8, h1!, h2!, w1!, w2!, 3, ...components];
  const sos = [0xff, 0xda, 0, 12, 3, 1, 0x11, 2, 0x11, 3, 0x11, 0, 63, 0];
  return Uint8Array.of(0xff, 0xd8, ...jfif, ...dqt, ...sof, ...STANDARD_DHT, ...sos);
}

/** A Huffman code. */
interface Code {
  code: number;
  length: number;
}

/** Returns the codes of a table by their values (ITU-T T.81, C.2). */
function codesOf(id: number): Code[] {
  const { counts, values } = STANDARD_TABLES.find((table) => table.id === id)!;
  const codes: Code[] = [];
  let code = 0;
  let next = 0;
  counts.forEach((count, index) => {
    for (let i = 0; i < count; i++) codes[values[next++]!] = { code: code++, length: index + 1 };
    code <<= 1;
  });
  return codes;
}

/** Concatenates two codes. */
function joined(first: Code, second: Code): Code {
  return {
    code: first.code << second.length | second.code,
    length: first.length + second.length,
  };
}

const DC_CODES = codesOf(DC_TABLE);
const AC_CODES = codesOf(AC_TABLE);
const END_OF_BLOCK = AC_CODES[0x00]!;
/** A block equal to the previous one. */
const SAME = joined(DC_CODES[0]!, END_OF_BLOCK);
/** Both chrominance blocks, without a change. */
const SAME_COLOUR = joined(SAME, SAME);
/** A coefficient of 2 after 15 zeros. Its code begins with twelve ones. */
const LATE_TWO = joined(AC_CODES[0xf2]!, { code: 2, length: 2 });

/** Writes a uniform block. @param difference Its grey level minus that of the previous block. */
function writeBlock(bits: BitWriter, difference: number): void {
  if (difference === 0) return bits.write(SAME.code, SAME.length);
  writeDifference(bits, difference);
  bits.write(END_OF_BLOCK.code, END_OF_BLOCK.length);
}

/**
 * Writes the first block with an additional AC coefficient of 2, which is 0.35 grey levels and
 * invisible. Its code puts an FF into the data if the grey level is at least 32 away from 128.
 * Without any FF, ffmpeg misses the end of the image while it probes the stream, and warns.
 *
 * @returns The number of blocks written.
 */
function writeFirst(bits: BitWriter, difference: number): number {
  writeDifference(bits, difference);
  bits.write(LATE_TWO.code, LATE_TWO.length);
  bits.write(END_OF_BLOCK.code, END_OF_BLOCK.length);
  return 1;
}

/** Writes a DC coefficient (ITU-T T.81, F.1.2.1). */
function writeDifference(bits: BitWriter, difference: number): void {
  const size = 32 - Math.clz32(Math.abs(difference));
  const { code, length } = DC_CODES[size]!;
  bits.write(code, length);
  if (size > 0) bits.write(difference < 0 ? difference + (1 << size) - 1 : difference, size);
}

/** Writes codes of any number of bits into a buffer with {@link HEADROOM} at both ends. */
class BitWriter {
  #bytes: Bytes;
  #end: number;
  #pending = 0;
  #count = 0;

  constructor(header: Bytes, capacity: number) {
    this.#bytes = new Uint8Array(HEADROOM + header.length + capacity + HEADROOM);
    this.#bytes.set(header, HEADROOM);
    this.#end = HEADROOM + header.length;
  }

  /** Enlarges the buffer if its free space is less than a number of bytes. */
  reserve(bytes: number): void {
    if (this.#end + bytes + HEADROOM <= this.#bytes.length) return;
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  write(value: number, length: number): void {
    this.#pending = this.#pending << length | value;
    this.#count += length;
    while (this.#count >= 8) {
      this.#count -= 8;
      const byte = this.#pending >> this.#count & 0xff;
      this.#bytes[this.#end++] = byte;
      if (byte === 0xff) this.#bytes[this.#end++] = 0; // byte stuffing: FF alone would be a marker
    }
  }

  /** Pads the last byte and appends EOI. */
  finish(): Jpeg {
    this.reserve(4);
    this.write(0x7f, 7);
    this.#bytes.set([0xff, 0xd9], this.#end);
    return this.#bytes.subarray(HEADROOM, this.#end + 2);
  }
}
