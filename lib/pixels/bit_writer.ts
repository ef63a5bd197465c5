import type { Bytes } from "../bytes.ts";

/** Puts bits into bytes, with a zero behind each FF. The caller makes room by {@link reserve}. */
export class BitWriter {
  bytes: Bytes;
  end: number;
  #pending = 0;
  #count = 0;

  constructor(capacity: number, end = 0) {
    this.bytes = new Uint8Array(capacity);
    this.end = end;
  }

  reserve(more: number): void {
    if (this.end + more <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.end + more));
    larger.set(this.bytes);
    this.bytes = larger;
  }

  /** At most 24 bits. */
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

  /** Copies bits from a place in unstuffed bytes: the most of a picture that stays as it was. */
  copy(view: DataView, from: number, to: number): void {
    this.reserve((to - from >> 3) * 2 + 16);
    let at = from;
    // to a byte's edge of what is written, then whole bytes without a loop per bit
    const lead = Math.min((8 - this.#count) & 7, to - at);
    if (lead > 0) {
      this.write((view.getUint32(at >>> 3) << (at & 7)) >>> (32 - lead), lead);
      at += lead;
    }
    if (this.#count === 0) {
      const bytes = this.bytes, shift = 8 - (at & 7);
      let end = this.end, source = at >>> 3;
      const whole = to - at >> 3;
      let last = view.getUint8(source);
      for (let i = 0; i < whole; i++) {
        const next = view.getUint8(++source);
        const byte = (last << 8 | next) >>> shift & 0xff;
        last = next;
        bytes[end++] = byte;
        if (byte === 0xff) bytes[end++] = 0;
      }
      this.end = end;
      at += whole << 3;
    }
    while (at < to) {
      const some = Math.min(8, to - at);
      this.write((view.getUint32(at >>> 3) << (at & 7)) >>> (32 - some), some);
      at += some;
    }
  }

  /** Fills up the last byte with ones. */
  align(): void {
    this.reserve(4);
    if (this.#count > 0) this.write((1 << (8 - this.#count)) - 1, 8 - this.#count);
  }
}
