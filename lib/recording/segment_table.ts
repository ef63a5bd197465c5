import type { Segment } from "./segment.ts";
import { DAY, type SegmentName, segmentName } from "./segment_name.ts";

/** A closed segment, as a {@link SegmentTable} keeps it. */
export interface SegmentRow extends SegmentName {
  readonly number: number;
  /** Time from the first to the last frame, in milliseconds. */
  readonly duration: number;
  readonly frames: number;
  readonly bytes: number;
  readonly thinnedTo: number | undefined;
  /** See `Segment.activity`. */
  readonly activity: string;
}

/**
 * Layout of a row: offset, duration, frames and number (4 bytes each), bytes (8), position (4) and
 * number (2) of its digits of activity, attempt (2), thinnedTo (1, a position in a list), and the
 * largest digit of activity (1), with a bit that tells whether a second has no frame.
 */
const ROW = 34;
const FIELD = {
  ...{ offset: 0, duration: 4, frames: 8, number: 12, bytes: 16 },
  ...{ activityAt: 24, activityLength: 28, attempt: 30, thinnedTo: 32, peak: 33 },
};
/** The bit in the byte of the largest digit. */
const GAP = 0x80;
/** The value of a digit of activity for a second without a frame. */
export const NO_FRAME = 10;
/** Maximum frame interval of frequent frames, in milliseconds. */
const FREQUENT = 500;

/**
 * The closed segments of a day, by time. Compact, as a folder may have some 100 000 segments: about
 * 65 bytes for a segment of a minute.
 */
export class SegmentTable {
  readonly camera: string;
  readonly day: string;
  /** Start of the day, in milliseconds since the Unix epoch. */
  readonly dayStart: number;
  #length = 0;
  #rows: DataView<ArrayBuffer>;
  /** Digits of activity of all rows, two in a byte. */
  #digits: Uint8Array<ArrayBuffer>;
  #digitCount = 0;
  #longest = 0;
  readonly #rates: (number | undefined)[] = [undefined];

  /** @param expected Number of segments that room is reserved for. */
  constructor({ camera, day }: { camera: string; day: string }, dayStart: number, expected = 0) {
    this.camera = camera;
    this.day = day;
    this.dayStart = dayStart;
    this.#rows = new DataView(new ArrayBuffer(expected * ROW));
    this.#digits = new Uint8Array(expected * 30);
  }

  /** Number of segments. */
  get length(): number {
    return this.#length;
  }

  /** Duration that no segment exceeds, in milliseconds. */
  get longest(): number {
    return this.#longest;
  }

  /** Memory that it takes, in bytes. */
  get memory(): number {
    return this.#rows.byteLength + this.#digits.length;
  }

  start(i: number): number {
    return this.dayStart + this.#offset(i);
  }

  end(i: number): number {
    return this.start(i) + this.#rows.getUint32(i * ROW + FIELD.duration);
  }

  frames(i: number): number {
    return this.#rows.getUint32(i * ROW + FIELD.frames);
  }

  number(i: number): number {
    return this.#rows.getUint32(i * ROW + FIELD.number);
  }

  bytes(i: number): number {
    return this.#rows.getFloat64(i * ROW + FIELD.bytes);
  }

  thinnedTo(i: number): number | undefined {
    return this.#rates[this.#rows.getUint8(i * ROW + FIELD.thinnedTo)];
  }

  /** Number of digits of activity. */
  activityLength(i: number): number {
    return this.#rows.getUint16(i * ROW + FIELD.activityLength);
  }

  /** A digit of activity, from 0 to 9, or {@link NO_FRAME}. */
  activity(i: number, second: number): number {
    const at = this.#rows.getUint32(i * ROW + FIELD.activityAt) + second;
    return this.#digits[at >> 1]! >> (at & 1) * 4 & 15;
  }

  /** The largest digit of activity of a segment; 0 if it has no digit. */
  peak(i: number): number {
    return this.#rows.getUint8(i * ROW + FIELD.peak) & ~GAP;
  }

  /** Whether the segment may have a gap: a second without a frame, though frames are frequent. */
  hasGap(i: number): boolean {
    const hasGap = (this.#rows.getUint8(i * ROW + FIELD.peak) & GAP) !== 0;
    return hasGap && (this.end(i) - this.start(i)) / this.frames(i) < FREQUENT;
  }

  /** Returns a row as a segment. */
  segment(i: number): Segment {
    const thinnedTo = this.thinnedTo(i);
    const segment = {
      camera: this.camera,
      day: this.day,
      name: segmentName(this.name(i)),
      number: this.number(i),
      start: this.start(i),
      end: this.end(i),
      frames: this.frames(i),
      bytes: this.bytes(i),
      activity: this.#activityText(i),
    };
    return thinnedTo === undefined ? segment : { ...segment, thinnedTo };
  }

  name(i: number): SegmentName {
    return { offset: this.#offset(i), attempt: this.#rows.getUint16(i * ROW + FIELD.attempt) };
  }

  /** Returns the row of a segment; -1 if there is none. */
  find({ offset, attempt }: SegmentName): number {
    const i = this.#position(offset, attempt);
    return i < this.#length && this.#offset(i) === offset && this.name(i).attempt === attempt
      ? i
      : -1;
  }

  /** Returns the first row that starts at or after a time; the length if there is none. */
  firstFrom(time: number): number {
    const offset = Math.ceil(time - this.dayStart);
    return offset <= 0 ? 0 : offset >= DAY ? this.#length : this.#position(offset, 0);
  }

  /** Adds a segment. It replaces the row with its name. */
  put(row: SegmentRow): void {
    const i = this.#position(row.offset, row.attempt);
    const isNew = i === this.#length || this.#offset(i) !== row.offset ||
      this.name(i).attempt !== row.attempt;
    if (isNew) this.#insert(i);
    this.#longest = Math.max(this.#longest, row.duration);
    const at = i * ROW;
    this.#rows.setUint32(at + FIELD.offset, row.offset);
    this.#rows.setUint16(at + FIELD.attempt, row.attempt);
    this.#rows.setUint32(at + FIELD.duration, row.duration);
    this.#rows.setUint32(at + FIELD.frames, row.frames);
    this.#rows.setUint32(at + FIELD.number, row.number);
    this.#rows.setFloat64(at + FIELD.bytes, row.bytes);
    this.#rows.setUint8(at + FIELD.thinnedTo, this.#rateIndex(row.thinnedTo));
    this.#putActivity(at, row.activity);
  }

  remove(i: number): void {
    this.#bytesOfRows().copyWithin(i * ROW, (i + 1) * ROW, this.#length * ROW);
    this.#length--;
  }

  #offset(i: number): number {
    return this.#rows.getUint32(i * ROW + FIELD.offset);
  }

  /** Returns the first row that is not before a name. */
  #position(offset: number, attempt: number): number {
    let [low, high] = [0, this.#length];
    if (high > 0 && this.#offset(high - 1) < offset) return high; // the usual order
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#offset(middle);
      const isBefore = other < offset ||
        (other === offset && this.#rows.getUint16(middle * ROW + FIELD.attempt) < attempt);
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(i: number): void {
    if ((this.#length + 1) * ROW > this.#rows.byteLength) {
      const grown = new Uint8Array((this.#length + 16 + (this.#length >> 2)) * ROW);
      grown.set(this.#bytesOfRows());
      this.#rows = new DataView(grown.buffer);
    }
    this.#bytesOfRows().copyWithin((i + 1) * ROW, i * ROW, this.#length * ROW);
    this.#length++;
  }

  #bytesOfRows(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#rows.buffer);
  }

  #putActivity(at: number, activity: string): void {
    const length = Math.min(activity.length, 0xffff);
    const needed = (this.#digitCount + length + 1) >> 1;
    if (needed > this.#digits.length) {
      const grown = new Uint8Array(needed + (needed >> 2) + 64);
      grown.set(this.#digits);
      this.#digits = grown;
    }
    this.#rows.setUint32(at + FIELD.activityAt, this.#digitCount);
    this.#rows.setUint16(at + FIELD.activityLength, length);
    const digits = this.#digits;
    let to = this.#digitCount;
    let [peak, gap] = [0, 0];
    for (let i = 0; i < length; i++, to++) {
      const code = activity.charCodeAt(i);
      const digit = code >= 48 && code <= 57 ? code - 48 : NO_FRAME;
      if (digit === NO_FRAME) gap = GAP;
      else if (digit > peak) peak = digit;
      digits[to >> 1] = to & 1 ? digits[to >> 1]! | digit << 4 : digit;
    }
    this.#digitCount = to;
    this.#rows.setUint8(at + FIELD.peak, peak | gap);
  }

  #activityText(i: number): string {
    let text = "";
    for (let second = 0, length = this.activityLength(i); second < length; second++) {
      const digit = this.activity(i, second);
      text += digit === NO_FRAME ? "-" : digit;
    }
    return text;
  }

  /** Rates are few, so a row holds a position in a list. */
  #rateIndex(rate: number | undefined): number {
    const known = this.#rates.indexOf(rate);
    if (known >= 0) return known;
    return this.#rates.length > 255 ? 255 : this.#rates.push(rate) - 1;
  }
}
