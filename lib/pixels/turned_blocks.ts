import type { Jpeg } from "../frame.ts";
import { BitWords } from "./bit_words.ts";
import { bitsOf, extend, sizeOf } from "./coefficient.ts";
import { type EntropyData, hasExtraData, unstuff } from "./entropy_data.ts";
import {
  type Decoder,
  decoderOf,
  type Encoder,
  END_OF_BLOCK,
  findLong,
  INVALID,
  LOOK,
} from "./huffman.ts";
import type { Axes } from "./orientation.ts";
import { TRANSPOSED, type TurnPlan } from "./turn_plan.ts";
import { ZIGZAG } from "./zigzag.ts";

/** Minimum number of bits of a block: two codes of one bit. */
const MIN_BLOCK_BITS = 2;
/** Maximum number of bits of the AC coefficients of a block: 63 codes with their values. */
const MAX_BLOCK_BITS = 63 * 31;

/**
 * The blocks of a picture in their original order, each turned in itself: its DC coefficient, and
 * the bits of its AC coefficients.
 */
export class TurnedBlocks {
  /** The bits of all blocks. */
  readonly bits = new BitWords();
  /** Where the bits of each block begin, and after the last block, where they end. */
  starts = new Uint32Array(0);
  /** The DC coefficients. */
  dc = new Int32Array(0);
  /** How often each symbol of the AC coefficients was written, by number of the table. */
  readonly counts: readonly Uint32Array[] = Array.from({ length: 4 }, () => new Uint32Array(256));
  #scan: EntropyData | undefined;
  #position = 0;
  #isValid = true;
  readonly #block = new Int16Array(64);
  readonly #negates = new Uint8Array(64);

  /** Reads a picture, whose data begin at `data`. Returns false if it is incomplete or invalid. */
  read(jpeg: Jpeg, data: number, { header, axes, acEncoders }: TurnPlan): boolean {
    const { components, mcusX, mcusY, restart, huffman } = header.baseline;
    const scan = this.#scan = unstuff(jpeg, data, this.#scan);
    const blocksPerMcu = components.reduce((sum, { h, v }) => sum + h * v, 0);
    const mcus = mcusX * mcusY;
    if (mcus * blocksPerMcu * MIN_BLOCK_BITS > scan.length * 8) return false;
    const restarts = restart ? Math.ceil(mcus / restart) - 1 : 0;
    if (scan.restarts.length !== restarts || !scan.isOrdered) return false;
    this.#prepare(mcus * blocksPerMcu, axes);
    const parts = components.map(({ h, v, td, ta }, index) => ({
      blocks: h * v,
      dcDecoder: decoderOf(huffman.get(td)!, false),
      acDecoder: decoderOf(huffman.get(0x10 | ta)!, true),
      acEncoder: acEncoders[index]!,
      counts: this.counts[ta]!,
      dc: 0,
    }));
    let index = 0, end = (scan.restarts[0] ?? scan.length) * 8;
    this.#position = 0;
    for (let mcu = 0, segment = 0; mcu < mcus; mcu++) {
      if (restart && mcu > 0 && mcu % restart === 0) {
        if (hasExtraData(scan, this.#position, end)) return false;
        this.#position = end;
        end = (scan.restarts[++segment] ?? scan.length) * 8;
        for (const part of parts) part.dc = 0;
      }
      for (let p = 0; p < parts.length; p++) {
        const part = parts[p]!;
        for (let i = 0; i < part.blocks; i++) {
          part.dc += this.#readDc(scan.view, part.dcDecoder);
          this.dc[index] = part.dc;
          this.starts[index++] = this.bits.length;
          this.bits.reserve(MAX_BLOCK_BITS);
          if (axes.transposes) this.#transpose(scan.view, part);
          else this.#negate(scan.view, part.acDecoder);
        }
      }
      if (!this.#isValid || this.#position > end) return false;
    }
    this.starts[index] = this.bits.length;
    this.bits.flush();
    return !hasExtraData(scan, this.#position, end);
  }

  #prepare(blocks: number, { reversesX, reversesY }: Axes): void {
    this.bits.clear();
    this.#isValid = true;
    if (this.dc.length < blocks) {
      this.dc = new Int32Array(blocks);
      this.starts = new Uint32Array(blocks + 1);
    }
    // Odd frequencies change their sign where their axis is reversed.
    ZIGZAG.forEach((place, k) => {
      this.#negates[k] = Number(reversesX && place & 1) ^ Number(reversesY && place >> 3 & 1);
    });
  }

  #readDc(view: DataView, decoder: Decoder): number {
    let position = this.#position;
    const window = view.getUint32(position >>> 3) << (position & 7);
    const entry = decoder.table[window >>> 32 - LOOK]! || findLong(decoder, window >>> 16);
    if (entry === INVALID) this.#isValid = false;
    position += entry & 31;
    const size = entry >> 5 & 15;
    this.#position = position + size;
    return size === 0 ? entry >> 16 : readValue(view, position, size);
  }

  /** Copies the codes of a block, with the bits of the values that are negated inverted. */
  #negate(view: DataView, decoder: Decoder): void {
    const { table } = decoder, bits = this.bits, negates = this.#negates;
    let position = this.#position, k = 1;
    while (k < 64) {
      let window = view.getUint32(position >>> 3) << (position & 7);
      const entry = table[window >>> 32 - LOOK]! || findLong(decoder, window >>> 16);
      const length = entry & 31, size = entry >> 5 & 15, value = entry >> 16;
      const advance = entry >> 9 & 127;
      position += length;
      k += advance;
      let code = window >>> 32 - length;
      if (size > 0) {
        bits.append(code, length);
        window = view.getUint32(position >>> 3) << (position & 7);
        code = window >>> 32 - size;
        if (negates[k - 1]) code ^= (1 << size) - 1;
        bits.append(code, size);
        position += size;
      } else {
        if (value !== 0 && negates[k - 1]) code ^= (1 << sizeOf(value)) - 1;
        bits.append(code, length);
      }
      if (k > 64 && advance !== END_OF_BLOCK || entry === INVALID) this.#isValid = false;
    }
    this.#position = position;
  }

  /** Reads a block, and writes its coefficients in their new order. */
  #transpose(view: DataView, part: Part): void {
    const decoder = part.acDecoder,
      { table } = decoder,
      negates = this.#negates,
      block = this.#block;
    // A bit for each coefficient that is not 0, the first one highest.
    let low = 0, high = 0;
    let position = this.#position, k = 1;
    while (k < 64) {
      const window = view.getUint32(position >>> 3) << (position & 7);
      const entry = table[window >>> 32 - LOOK]! || findLong(decoder, window >>> 16);
      const size = entry >> 5 & 15, advance = entry >> 9 & 127;
      let value = entry >> 16;
      position += entry & 31;
      k += advance;
      if (k > 64) {
        if (advance !== END_OF_BLOCK || entry === INVALID) this.#isValid = false;
        break;
      }
      if (size > 0) {
        value = readValue(view, position, size);
        position += size;
      }
      if (value === 0) continue;
      const to = TRANSPOSED[k - 1]!;
      block[to] = negates[k - 1] ? -value : value;
      if (to < 32) low |= 0x80000000 >>> to;
      else high |= 0x80000000 >>> to;
    }
    this.#position = position;
    this.#writeCoefficients(low, high, part);
  }

  /** Writes the coefficients whose bits are set in two words. */
  #writeCoefficients(low: number, high: number, { acEncoder, counts }: Part): void {
    const { codes, lengths } = acEncoder;
    const bits = this.bits, block = this.#block;
    let last = 0;
    for (let base = 0, set = low; base < 64; base += 32, set = high) {
      while (set !== 0) {
        const zeros = Math.clz32(set), at = base + zeros;
        set &= ~(0x80000000 >>> zeros);
        let run = at - last - 1;
        for (; run > 15; run -= 16) {
          bits.append(codes[0xf0]!, lengths[0xf0]!);
          counts[0xf0]!++;
        }
        last = at;
        const value = block[at]!, size = sizeOf(value), symbol = run << 4 | size;
        const length = lengths[symbol]!;
        if (length === 0) this.#isValid = false;
        counts[symbol]!++;
        bits.append(codes[symbol]! << size | bitsOf(value, size), length + size);
      }
    }
    if (last === 63) return;
    bits.append(codes[0]!, lengths[0]!);
    counts[0]!++;
  }
}

/** What the blocks of a component need. */
interface Part {
  readonly acDecoder: Decoder;
  readonly acEncoder: Encoder;
  readonly counts: Uint32Array;
}

function readValue(view: DataView, position: number, size: number): number {
  const window = view.getUint32(position >>> 3) << (position & 7);
  return extend(window >>> 32 - size, size);
}
