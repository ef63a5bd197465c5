import { type Bytes, type ByteSource, HEADROOM, markHeadroom } from "../bytes.ts";
import { type Jpeg, MAX_FRAME } from "../frame.ts";
import { Received } from "../received.ts";
import { MarkerWalker, type SplitCounts } from "./marker_walker.ts";

export type { SplitCounts };

/** Minimum free space for a read, in bytes: the capacity of a pipe. */
const READ_SIZE = 65_536;

/** Options of {@link splitJpegs}. */
export interface SplitOptions {
  /** Maximum size of an image in bytes. @default {MAX_FRAME} */
  maxFrame?: number;
  /** Counters to update. */
  counts?: SplitCounts;
  /** Record to which the received data is added. */
  received?: Received;
}

/** Complete images, with the counts of dropped data and the record of received data. */
export type SplitImages = AsyncGenerator<Jpeg> & {
  readonly counts: SplitCounts;
  readonly received: Received;
};

/**
 * Splits concatenated JPEGs, the output of capture programs, into complete images.
 *
 * It walks the markers of each image (ITU-T T.81, annex B), so an embedded thumbnail does not end
 * the image. A broken image is dropped, and splitting resumes at the next SOI. Bytes are read
 * directly into the image's own buffer, with {@link HEADROOM} around the image.
 *
 * Some damage that decoders tolerate is repaired, so that every decoder reads the image:
 * - Of consecutive SOI markers, the last begins the image.
 * - Up to 64 KiB of stray bytes between two segments before the first scan become fill bytes, and a
 *   segment's length that is wrong by a few bytes is corrected.
 * - A camera that never sends EOI gets it appended, from its second image on: an image ends where
 *   the next one begins, or where the source ends, and must be long enough for its size. After an
 *   image with EOI, images without EOI are broken.
 */
export function splitJpegs(
  source: ByteSource | AsyncIterable<Bytes>,
  options: SplitOptions = {},
): SplitImages {
  const { maxFrame = MAX_FRAME, received = new Received() } = options;
  const { counts = { broken: 0, skippedBytes: 0 } } = options;
  const walk = new MarkerWalker(counts, maxFrame, (reason) => received.addBroken(reason));
  return Object.assign(split(source, walk, received), { counts, received });
}

async function* split(
  source: ByteSource | AsyncIterable<Bytes>,
  walk: MarkerWalker,
  received: Received,
): AsyncGenerator<Jpeg> {
  await using input = "read" in source ? source : chunked(source);
  let buffer: Bytes = new Uint8Array(READ_SIZE + 2 * HEADROOM);
  let end = HEADROOM; // end of the bytes read so far
  let expected = 0; // size of the largest recent image, slowly decreasing
  for (;;) {
    if (buffer.length - HEADROOM - end < READ_SIZE) {
      buffer = relocate(buffer, 0, end, 2 * buffer.length);
    }
    if (walk.lacksEoi) {
      // The end of the source also ends the last image, and then the source does not return the
      // buffer.
      const read = await input.read(new Uint8Array(READ_SIZE));
      if (!read) break;
      received.add(read);
      buffer.set(read, end);
      end += read.length;
    } else {
      const into = new Uint8Array(buffer.buffer, end, buffer.length - HEADROOM - end);
      const read = await input.read(into);
      if (!read) break;
      received.add(read);
      buffer = new Uint8Array(read.buffer);
      end += read.length;
    }
    while (walk.findFrame(buffer.subarray(0, end))) {
      const { start, imageEnd, position, needsEoi } = walk;
      const image = buffer;
      expected = Math.max(imageEnd - start, expected - (expected >> 5));
      buffer = relocate(buffer, position, end, expected + (expected >> 3));
      end += HEADROOM - position;
      walk.shift(HEADROOM - position);
      yield markHeadroom(
        needsEoi ? withEoi(image, start, imageEnd) : image.subarray(start, imageEnd),
      );
    }
    if (walk.start > HEADROOM + READ_SIZE) { // discards a long run of bytes without an image
      buffer = relocate(buffer, walk.start, end, expected);
      end += HEADROOM - walk.start;
      walk.shift(HEADROOM - walk.start);
    }
  }
  if (walk.finish(buffer, end)) yield markHeadroom(withEoi(buffer, walk.start, walk.imageEnd));
}

/**
 * Appends EOI to an image. It overwrites bytes after the image, which have been copied already, and
 * leaves {@link HEADROOM}: at least three bytes of the next image follow, or free space for a read.
 */
function withEoi(buffer: Bytes, start: number, end: number): Jpeg {
  buffer[end] = 0xff;
  buffer[end + 1] = 0xd9;
  return buffer.subarray(start, end + 2);
}

/**
 * Copies the bytes from `start` to `end` into a new buffer with headroom, and free space for `more`
 * bytes and a read.
 */
function relocate(buffer: Bytes, start: number, end: number, more: number): Bytes {
  const from = Math.max(start, HEADROOM);
  const next = new Uint8Array(HEADROOM + Math.max(end - from, more) + READ_SIZE + HEADROOM);
  next.set(buffer.subarray(from, end), HEADROOM);
  return next;
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
