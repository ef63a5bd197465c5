import { type Bytes, copyWithHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";

/**
 * Writes bits of entropy-coded data, with a stuffed zero behind each FF. It does not check its
 * capacity when it writes: call {@link reserve} first.
 */
export class BitWriter {
  /** What was written, up to `end`. */
  bytes: Bytes;
  /** Number of complete bytes. */
  end: number;
  #view: DataView<ArrayBuffer>;
  /** Bits that are no complete byte yet: the lowest {@link #count}. */
  #pending = 0;
  #count = 0;

  constructor(capacity: number, end = 0) {
    this.bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.bytes.buffer);
    this.end = end;
  }

  /** Begins again, with these bytes as they are. */
  restart(bytes: Bytes): void {
    this.end = this.#pending = this.#count = 0;
    this.append(bytes);
  }

  /** Enlarges the buffer if its free space is less than a number of bytes. */
  reserve(more: number): void {
    if (this.end + more <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.end + more));
    larger.set(this.bytes);
    this.bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  /** Writes the lowest bits of a value, at most 24, and no others may be set. Up to 6 bytes. */
  write(value: number, length: number): void {
    const pending = this.#pending << length | value;
    let count = this.#count + length;
    while (count >= 8) {
      count -= 8;
      const byte = pending >>> count & 0xff;
      this.bytes[this.end++] = byte;
      if (byte === 0xff) this.bytes[this.end++] = 0;
    }
    this.#pending = pending & 0xff; // fewer than 8 of its bits count
    this.#count = count;
  }

  /** Copies bits from unstuffed bytes, from one position to another in bits. Makes room itself. */
  copy(view: DataView, from: number, to: number): void {
    this.reserve((to - from >> 3) * 2 + 16);
    let at = from;
    const lead = Math.min((8 - this.#count) & 7, to - at);
    if (lead > 0) at = this.#copyBits(view, at, lead);
    if (this.#count === 0) at = this.#copyBytes(view, at, to);
    while (at < to) at = this.#copyBits(view, at, Math.min(8, to - at));
  }

  /** Copies at most 8 bits, and returns where they end. */
  #copyBits(view: DataView, at: number, count: number): number {
    this.write((view.getUint32(at >>> 3) << (at & 7)) >>> (32 - count), count);
    return at + count;
  }

  /** Copies whole bytes to a position between two bytes: four at once, until one of them is FF. */
  #copyBytes(view: DataView, from: number, to: number): number {
    const bytes = this.bytes, into = this.#view;
    const shift = from & 7;
    let source = from >>> 3, end = this.end;
    const last = source + (to - from >> 3);
    while (source < last) {
      while (source + 4 <= last) {
        const word = view.getUint32(source) << shift | view.getUint8(source + 4) >> (8 - shift);
        if (((~word - 0x01010101) & word & 0x80808080) !== 0) break;
        into.setInt32(end, word);
        source += 4;
        end += 4;
      }
      for (let i = 0; i < 4 && source < last; i++, source++) {
        const byte = view.getUint16(source) >> (8 - shift) & 0xff;
        bytes[end++] = byte;
        if (byte === 0xff) bytes[end++] = 0;
      }
    }
    this.end = end;
    return (last << 3) + shift;
  }

  /** Pads the last byte with ones. Makes room itself. */
  align(): void {
    this.reserve(4);
    if (this.#count > 0) this.write((1 << (8 - this.#count)) - 1, 8 - this.#count);
  }

  /** Pads the last byte, and appends bytes as they are: a marker, or data with stuffed zeros. */
  append(bytes: Bytes): void {
    this.align();
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.end);
    this.end += bytes.length;
  }

  /** Pads the last byte, and appends a restart marker. @param index Counts from 0, without end. */
  restartMarker(index: number): void {
    this.align();
    this.bytes[this.end++] = 0xff;
    this.bytes[this.end++] = 0xd0 | index & 7;
  }

  /** Ends the picture, and returns a copy with headroom. */
  finish(): Jpeg {
    this.append(EOI);
    return copyWithHeadroom(this.bytes.subarray(0, this.end));
  }
}

const EOI = Uint8Array.of(0xff, 0xd9);
