import type { Bytes } from "../bytes.ts";

/** A growing sequence of bits, in words of 32 bits, without stuffed zeros. */
export class BitWords {
  #words = new Int32Array(1 << 15);
  /** The words that are complete. */
  #count = 0;
  #pending = 0;
  /** Number of bits that the pending word has room for, from 0 to 32. */
  #room = 32;

  /** Number of bits. */
  get length(): number {
    return (this.#count + 1) * 32 - this.#room;
  }

  /** Removes all bits, and keeps the memory. */
  clear(): void {
    this.#count = 0;
    this.#pending = 0;
    this.#room = 32;
  }

  /** Makes room for `bits` more bits. Nothing else does. */
  reserve(bits: number): void {
    const needed = this.#count + (bits >>> 5) + 3;
    if (needed <= this.#words.length) return;
    const larger = new Int32Array(Math.max(needed, 2 * this.#words.length));
    larger.set(this.#words);
    this.#words = larger;
  }

  /** Appends the lowest bits of `value`, which has no others: at most 31. */
  append(value: number, length: number): void {
    const room = this.#room - length;
    if (room >= 0) {
      this.#pending |= value << room;
      this.#room = room;
    } else {
      this.#words[this.#count++] = this.#pending | value >>> -room;
      this.#pending = value << room + 32;
      this.#room = room + 32;
    }
  }

  /** Appends the bits of `source` from one position to another. `source` must be flushed. */
  appendFrom(source: BitWords, from: number, to: number): void {
    const words = source.#words;
    for (let at = from; at < to;) {
      const length = Math.min(31, to - at), index = at >>> 5, shift = at & 31;
      const high = words[index]! << shift;
      const bits = shift === 0 ? high : high | words[index + 1]! >>> 32 - shift;
      this.append(bits >>> 32 - length, length);
      at += length;
    }
  }

  /** Stores the pending word, so that all bits can be read. */
  flush(): void {
    this.#words[this.#count] = this.#pending;
  }

  /** Fills the last byte with ones, as ITU-T T.81, F.1.2.3 demands. */
  align(): void {
    const missing = this.#room & 7;
    this.append((1 << missing) - 1, missing);
  }

  /**
   * Writes the bytes, with a zero behind each FF. The bits must be aligned.
   *
   * @param into Has room for twice the bytes, and three more.
   * @returns The end of the written bytes in `into`.
   */
  stuff(into: Bytes, start: number): number {
    this.flush();
    const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
    const words = this.#words, bytes = this.length >>> 3;
    let at = start;
    for (let i = 0; i < bytes >>> 2; i++) {
      const word = words[i]!;
      // A byte is FF if adding 1 to each byte clears its highest bit; carries only add candidates.
      if ((word & ~(word + 0x01010101) & 0x80808080) === 0) {
        view.setInt32(at, word);
        at += 4;
      } else {
        for (let shift = 24; shift >= 0; shift -= 8) at = put(into, at, word >>> shift & 0xff);
      }
    }
    for (let i = bytes & ~3; i < bytes; i++) {
      at = put(into, at, words[i >>> 2]! >>> 24 - 8 * (i & 3) & 0xff);
    }
    return at;
  }
}

function put(into: Bytes, at: number, byte: number): number {
  into[at] = byte;
  if (byte !== 0xff) return at + 1;
  into[at + 1] = 0;
  return at + 2;
}
