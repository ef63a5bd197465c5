import { type Bytes, type ByteSource, HEADROOM, markHeadroom } from "../bytes.ts";
import { type Jpeg, MAX_FRAME } from "../frame.ts";
import { isFrameHeader, isStandalone } from "./segments.ts";

/** There is always room for a read of this size: a pipe gives no more at once. */
const READ = 65_536;

/** What a splitter has dropped. */
export interface SplitCounts {
  /** Frames that began and were broken, cut short or too large. */
  broken: number;
  /** Bytes that belong to no whole frame. */
  skippedBytes: number;
}

/** Options of {@link splitJpegs}. */
export interface SplitOptions {
  /** In bytes. */
  maxFrame?: number;
}

/** Whole images, and what was dropped so far on the way to them. */
export type SplitImages = AsyncGenerator<Jpeg> & { readonly counts: SplitCounts };

/**
 * Cuts a run of JPEGs, as capture programs print them, into whole images.
 *
 * It walks the markers of each image (ITU-T T.81, annex B), so an embedded thumbnail does not end it.
 * What is broken is dropped, and the next image that begins is taken. Bytes are read straight into the
 * image's own buffer, which has a {@link HEADROOM} around the image.
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
  let buffer: Bytes = new Uint8Array(READ + 2 * HEADROOM);
  let end = HEADROOM; // of the bytes that were read
  let expected = 0; // the size of a frame, by the largest one lately
  for (;;) {
    if (buffer.length - HEADROOM - end < READ) buffer = relocate(buffer, 0, end, 2 * buffer.length);
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
    if (walk.start > HEADROOM + READ) { // a stretch of garbage, which need not be kept
      buffer = relocate(buffer, walk.start, end, expected);
      end += HEADROOM - walk.start;
      walk.shift(HEADROOM - walk.start);
    }
  }
  walk.finish(end);
}

/** A new buffer with the bytes from `start` to `end` behind its margin, and room for `more` and a read. */
function relocate(buffer: Bytes, start: number, end: number, more: number): Bytes {
  const from = Math.max(start, HEADROOM);
  const next = new Uint8Array(HEADROOM + Math.max(end - from, more) + READ + HEADROOM);
  next.set(buffer.subarray(from, end), HEADROOM);
  return next;
}

const SEEK = 0, SEGMENT = 1, SCAN = 2;

/** A walk over the markers of images: how far it has come, and in what. */
class MarkerWalker {
  /** Where the image begins that is being walked; while none is, where one may begin. */
  start = HEADROOM;
  /** The next byte to look at. Behind an image when one was found. */
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

  /** Walks on through `bytes`. @returns Whether an image lies from `start` to `position`. */
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

  /** Follows the bytes to another place in memory. */
  shift(by: number): void {
    this.position += by;
    this.start = this.#state === SEEK ? this.position : this.start + by;
    this.#segment += by;
  }

  /** The bytes end here: what was begun is broken. */
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
    if (marker === 0xff) { // any number of FF may stand in front of a marker
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
    } else if (bytes[at + 1] === 0xd8) return this.#drop(at); // cut short: here the next one begins
    else this.#state = SEGMENT; // tables or another scan
  }

  /** At EOI: an image ends here if it has begun in earnest. */
  #end(at: number): "frame" | undefined {
    if (!this.#hasScan) return this.#drop(at + 2);
    this.position = at + 2;
    return "frame";
  }

  /** Gives up the image and looks for another one from `at` on. */
  #drop(at: number): undefined {
    this.#counts.broken++;
    this.#counts.skippedBytes += at - this.start;
    this.start = this.position = at;
    this.#state = SEEK;
  }
}

/**
 * Where the data of a scan ends, from `from` on: at an FF that is not followed by 00 or by a marker that
 * stands alone, or that is the last byte; -1 if there is none. Nearly all the work of splitting is done
 * here, so it looks at four bytes at once; `bytes` is at the beginning of its buffer.
 */
function findMarker(bytes: Bytes, from: number): number {
  const words = new Int32Array(bytes.buffer, 0, bytes.length >> 2);
  const count = words.length; // asked each time, as in other ways to write this, it takes twice as long
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

/** Whether an FF is among the four bytes of a word, the first one lowest, without a 00 behind it. */
function mayHaveMarker(word: number): boolean {
  return (zeros(~word) & ~(zeros(word) >>> 8)) !== 0;
}

/**
 * Sets the highest bit of each byte that is 00: there alone a subtraction borrows. It may also set that of
 * a 01 behind a 00.
 */
function zeros(word: number): number {
  return (word - 0x01010101) & ~word & 0x80808080;
}

/** Whether an image begins here: SOI and the FF of another marker. */
function isStart(bytes: Bytes, at: number): boolean {
  return bytes[at + 1] === 0xd8 && bytes[at + 2] === 0xff;
}

/** Gives the chunks of any source piece by piece. */
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
