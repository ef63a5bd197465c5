import type { Bytes } from "../bytes.ts";

/** Bytes behind the data that can be read: more than the longest MCU, of 10 blocks with 64 codes. */
const SLACK = 4096;
/** Zeros behind the data. */
const ZEROS = 16;

/** The entropy-coded data of a scan without stuffed zeros and restart markers. */
export interface EntropyData {
  /**
   * The data, then {@link ZEROS} zeros, then bytes without a meaning: the longest MCU that begins
   * in the data can be read without a check of each code, and then exceeds `length`.
   */
  readonly bytes: Bytes;
  readonly view: DataView<ArrayBuffer>;
  /** Number of bytes of the data. */
  length: number;
  /** Where the data behind each restart marker begins in `bytes`. */
  readonly restarts: number[];
  /** Whether the restart markers count from 0 to 7, again and again. */
  isOrdered: boolean;
}

/** Makes room for `size` bytes of data. */
function newEntropyData(size: number): EntropyData {
  const bytes = new Uint8Array(size + SLACK);
  const view = new DataView(bytes.buffer);
  return { bytes, view, length: 0, restarts: [], isOrdered: true };
}

/**
 * Takes the data out of a JPEG, up to the first marker that is not a restart marker. Fills `reuse`
 * if that is large enough, so that a camera's pictures need no new memory.
 *
 * @param from Start of the data in `jpeg`.
 */
export function unstuff(jpeg: Bytes, from: number, reuse: EntropyData | undefined): EntropyData {
  const isLarge = reuse !== undefined && reuse.bytes.length >= jpeg.length + SLACK;
  const into = isLarge ? reuse : newEntropyData(jpeg.length * 2);
  const { bytes, view, restarts } = into;
  restarts.length = 0;
  into.isOrdered = true;
  const source = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.length);
  const lastWord = jpeg.length - 4;
  let length = 0, at = from;
  for (;;) {
    // Four bytes at once, until one of them is FF.
    while (at <= lastWord) {
      const word = source.getInt32(at, true);
      if (((~word - 0x01010101) & word & 0x80808080) !== 0) break;
      view.setInt32(length, word, true);
      at += 4;
      length += 4;
    }
    while (at < jpeg.length && jpeg[at] !== 0xff) bytes[length++] = jpeg[at++]!;
    const next = jpeg[at + 1];
    if (next === 0) {
      bytes[length++] = 0xff;
      at += 2;
    } else if (next === 0xff) at++; // any number of FF bytes may precede a marker
    else if (next !== undefined && next >= 0xd0 && next <= 0xd7) {
      if ((next & 7) !== (restarts.length & 7)) into.isOrdered = false;
      restarts.push(length);
      at += 2;
    } else break;
  }
  bytes.fill(0, length, length + ZEROS);
  into.length = length;
  return into;
}

/**
 * Maximum number of bytes that may follow the last MCU, apart from zeros: some webcams send a few.
 * They are removed. More means that MCUs were lost, and that the others are in the wrong places.
 */
const MAX_EXTRA = 32;

/**
 * Whether more data follow the last MCU than cameras add to complete pictures.
 *
 * @param position End of the last MCU, in bits.
 * @param end End of the data, or of those before a restart marker, in bits.
 */
export function hasExtraData({ bytes }: EntropyData, position: number, end: number): boolean {
  const used = Math.ceil(position / 8);
  let last = end / 8;
  while (last > used && bytes[last - 1] === 0) last--;
  return last - used > MAX_EXTRA;
}
