import { type Bytes, type ByteSource, HEADROOM, markHeadroom } from "../bytes.ts";
import { type Jpeg, MAX_FRAME } from "../frame.ts";
import { isFrameHeader, isStandalone } from "./segments.ts";

/** Minimum room for a read, in bytes: the capacity of a pipe. */
const READ_SIZE = 65_536;

/** Counts of what a splitter has dropped. */
export interface SplitCounts {
  /** Images that were broken, cut short or too large. */
  broken: number;
  /** Bytes outside complete images. */
  skippedBytes: number;
}

/** Options of {@link splitJpegs}. */
export interface SplitOptions {
  /** Maximum size of an image in bytes. @default {MAX_FRAME} */
  maxFrame?: number;
}

/** Complete images, with the counts of what has been dropped so far. */
export type SplitImages = AsyncGenerator<Jpeg> & { readonly counts: SplitCounts };

/**
 * Splits concatenated JPEGs, the output of capture programs, into complete images.
 *
 * It walks the markers of each image (ITU-T T.81, annex B), so an embedded thumbnail does not end the image.
 * A broken image is dropped, and splitting resumes at the next SOI. Bytes are read directly into the image's
 * own buffer, with {@link HEADROOM} around the image.
 */
export function splitJpegs(
  source: ByteSource | AsyncIterable<Bytes>,
  { maxFrame = MAX_FRAME }: SplitOptions = {},
): SplitImages {
  const counts: SplitCounts = { broken: 0, skippedBytes: 0 };
  return Object.assign(split(source, new MarkerWalker(counts, maxFrame)), { counts });
}

async function* split(
  source: ByteSource | AsyncIterable<Bytes>,
  walk: MarkerWalker,
): AsyncGenerator<Jpeg> {
  await using input = "read" in source ? source : chunked(source);
  let buffer: Bytes = new Uint8Array(READ_SIZE + 2 * HEADROOM);
  let end = HEADROOM; // end of the bytes read so far
  let expected = 0; // size of the largest recent image, slowly decreasing
  for (;;) {
    if (buffer.length - HEADROOM - end < READ_SIZE) {
      buffer = relocate(buffer, 0, end, 2 * buffer.length);
    }
    const into = new Uint8Array(buffer.buffer, end, buffer.length - HEADROOM - end);
    const read = await input.read(into);
    if (!read) break;
    buffer = new Uint8Array(read.buffer);
    end += read.length;
    while (walk.findFrame(buffer.subarray(0, end))) {
      const { start, position } = walk;
      const frame = buffer.subarray(start, position);
      expected = Math.max(frame.length, expected - (expected >> 5));
      buffer = relocate(buffer, position, end, expected + (expected >> 3));
      end += HEADROOM - position;
      walk.shift(HEADROOM - position);
      yield markHeadroom(frame);
    }
    if (walk.start > HEADROOM + READ_SIZE) { // discards a long run of bytes without an image
      buffer = relocate(buffer, walk.start, end, expected);
      end += HEADROOM - walk.start;
      walk.shift(HEADROOM - walk.start);
    }
  }
  walk.finish(end);
}

/** Copies the bytes from `start` to `end` into a new buffer with headroom, and room for `more` and a read. */
function relocate(buffer: Bytes, start: number, end: number, more: number): Bytes {
  const from = Math.max(start, HEADROOM);
  const next = new Uint8Array(HEADROOM + Math.max(end - from, more) + READ_SIZE + HEADROOM);
  next.set(buffer.subarray(from, end), HEADROOM);
  return next;
}

const SEEK = 0, SEGMENT = 1, SCAN = 2;

/** Walks over the markers of images incrementally. */
class MarkerWalker {
  /** Start of the current image, or where the next one may start. */
  start = HEADROOM;
  /** Next byte to examine; the end of the image when one was found. */
  position = HEADROOM;
  readonly #counts: SplitCounts;
  readonly #maxFrame: number;
  #state: typeof SEEK | typeof SEGMENT | typeof SCAN = SEEK;
  #segment = HEADROOM;
  #hasFrameHeader = false;
  #hasScan = false;

  constructor(counts: SplitCounts, maxFrame: number) {
    this.#counts = counts;
    this.#maxFrame = maxFrame;
  }

  /** Continues through `bytes`. @returns Whether a complete image lies between `start` and `position`. */
  findFrame(bytes: Bytes): boolean {
    for (;;) {
      const found = this.#state === SCAN
        ? this.#scan(bytes)
        : this.#state === SEGMENT
        ? this.#walkSegment(bytes)
        : this.#seek(bytes);
      if (this.#state !== SEEK && this.position - this.start > this.#maxFrame) {
        this.#drop(this.#segment + 2);
      } else if (found === "frame") {
        this.#state = SEEK;
        return true;
      } else if (found === "more") return false;
    }
  }

  /** Adjusts all positions after the bytes were moved. */
  shift(by: number): void {
    this.position += by;
    this.start = this.#state === SEEK ? this.position : this.start + by;
    this.#segment += by;
  }

  /** Ends the walk: an incomplete image counts as broken. */
  finish(end: number): void {
    if (this.#state !== SEEK) this.#counts.broken++;
    this.#counts.skippedBytes += end - this.start;
  }

  #seek(bytes: Bytes): "more" | undefined {
    let at = bytes.indexOf(0xff, this.position);
    while (at !== -1 && at + 2 < bytes.length && !isStart(bytes, at)) {
      at = bytes.indexOf(0xff, at + 1);
    }
    const from = this.start;
    this.start = this.position = at === -1 ? bytes.length : at;
    this.#counts.skippedBytes += this.start - from;
    if (at === -1 || at + 2 >= bytes.length) return "more";
    this.#state = SEGMENT;
    this.#segment = this.start;
    this.position += 2;
    this.#hasFrameHeader = this.#hasScan = false;
  }

  #walkSegment(bytes: Bytes): "frame" | "more" | undefined {
    const at = this.position;
    if (at + 1 >= bytes.length) return "more";
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff) return this.#drop(this.#segment + 2);
    if (marker === 0xff) { // any number of FF bytes may precede a marker
      this.position++;
      return;
    }
    if (marker === 0xd8) return this.#drop(at);
    if (marker === 0xd9) return this.#end(at);
    if (marker === 0x00) return this.#drop(this.#segment + 2);
    this.#segment = at;
    if (isStandalone(marker)) {
      this.position += 2;
      return;
    }
    if (at + 3 >= bytes.length) return "more";
    const length = bytes[at + 2]! << 8 | bytes[at + 3]!;
    if (length < 2) return this.#drop(at + 2);
    if (marker === 0xda) {
      if (!this.#hasFrameHeader) return this.#drop(at + 2);
      this.#state = SCAN;
      this.#hasScan = true;
    }
    this.#hasFrameHeader ||= isFrameHeader(marker);
    this.position += 2 + length;
  }

  #scan(bytes: Bytes): "frame" | "more" | undefined {
    const at = findMarker(bytes, this.position);
    if (at === -1 || at + 1 >= bytes.length) {
      this.position = at === -1 ? Math.max(bytes.length, this.position) : at;
      return "more";
    }
    this.position = at;
    if (bytes[at + 1] === 0xff) this.position++;
    else if (bytes[at + 1] === 0xd9) {
      return this.#end(at);
    } else if (bytes[at + 1] === 0xd8) return this.#drop(at); // cut short: the next image begins here
    else this.#state = SEGMENT; // tables or another scan
  }

  /** Handles EOI: ends the image if it has a scan. */
  #end(at: number): "frame" | undefined {
    if (!this.#hasScan) return this.#drop(at + 2);
    this.position = at + 2;
    return "frame";
  }

  /** Drops the current image and searches for the next one from `at` on. */
  #drop(at: number): undefined {
    this.#counts.broken++;
    this.#counts.skippedBytes += at - this.start;
    this.start = this.position = at;
    this.#state = SEEK;
  }
}

/**
 * Finds the end of a scan's data from `from` on: an FF that is the last byte, or is followed by neither 00 nor
 * a stand-alone marker. Returns -1 if there is none. Nearly all the work of splitting is done here, so it
 * examines four bytes at once. `bytes` must begin at the start of its buffer.
 */
function findMarker(bytes: Bytes, from: number): number {
  const words = new Int32Array(bytes.buffer, 0, bytes.length >> 2);
  const count = words.length; // hoisted: reading `words.length` in the loop doubles the time
  let at = from;
  for (; (at & 3) !== 0; at++) if (isMarker(bytes, at)) return at;
  for (;;) {
    let word = at >> 2;
    while (word < count && !mayHaveMarker(words[word]!)) word++;
    at = word << 2;
    if (word >= count) break;
    for (let i = 0; i < 4; i++, at++) if (isMarker(bytes, at)) return at;
  }
  for (; at < bytes.length; at++) if (isMarker(bytes, at)) return at;
  return -1;
}

function isMarker(bytes: Bytes, at: number): boolean {
  return bytes[at] === 0xff && bytes[at + 1] !== 0x00 && !isStandalone(bytes[at + 1]);
}

/** Whether one of the four bytes of a little-endian word is an FF that is not followed by 00. */
function mayHaveMarker(word: number): boolean {
  return (zeros(~word) & ~(zeros(word) >>> 8)) !== 0;
}

/**
 * Sets the highest bit of each byte that is 00, as only these borrow in a subtraction. It may also set that of
 * a 01 after a 00.
 */
function zeros(word: number): number {
  return (word - 0x01010101) & ~word & 0x80808080;
}

/** Whether an image begins at `at`: SOI and the FF of the next marker. */
function isStart(bytes: Bytes, at: number): boolean {
  return bytes[at + 1] === 0xd8 && bytes[at + 2] === 0xff;
}

/** Adapts an iterable of chunks to a {@link ByteSource}. */
function chunked(source: AsyncIterable<Bytes>): ByteSource {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Bytes = new Uint8Array(0);
  return {
    async read(into) {
      while (rest.length === 0) {
        const { done, value } = await chunks.next();
        if (done) return undefined;
        rest = value;
      }
      const taken = rest.subarray(0, into.length);
      rest = rest.subarray(taken.length);
      into.set(taken);
      return into.subarray(0, taken.length);
    },
    [Symbol.asyncIterator]: () => chunks as AsyncIterableIterator<Bytes>,
    async [Symbol.asyncDispose]() {
      await chunks.return?.();
    },
  };
}
