import { type Bytes, type ByteSource, HEADROOM, markHeadroom } from "../bytes.ts";
import { type Jpeg, MAX_FRAME } from "../frame.ts";
import { FrameBuffers } from "../frame_buffers.ts";
import { Received } from "../received.ts";
import { MarkerWalker, type SeenHeader, type SplitCounts } from "./marker_walker.ts";

export type { SeenHeader, SplitCounts };

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
  /** Number of complete images at the beginning that are left out. @default {0} */
  skip?: number;
}

/** Complete images, with the counts of dropped data and the record of received data. */
export type SplitImages = AsyncGenerator<Jpeg> & {
  readonly counts: SplitCounts;
  readonly received: Received;
  /**
   * Instead of the iteration: calls `push` for each image, with what was seen in its header, until
   * the source ends. Its receiver may release an image's buffer: see {@link FrameBuffers}.
   */
  pushTo(push: (jpeg: Jpeg, header: SeenHeader) => void): Promise<void>;
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
  const { maxFrame = MAX_FRAME, received = new Received(), skip = 0 } = options;
  const { counts = { broken: 0, skippedBytes: 0 } } = options;
  const walk = new MarkerWalker(counts, maxFrame, (reason) => received.addBroken(reason));
  const input = "read" in source ? source : chunked(source);
  const splitter = new Splitter(input, walk, received);
  const pushTo: SplitImages["pushTo"] = (push) => splitter.pushTo(push, skip);
  return Object.assign(splitter.images(skip), { counts, received, pushTo });
}

class Splitter {
  readonly #input: ByteSource;
  readonly #walk: MarkerWalker;
  readonly #received: Received;
  readonly #buffers = new FrameBuffers();
  #buffer: Bytes = new Uint8Array(READ_SIZE + 2 * HEADROOM);
  /** End of the bytes read so far. */
  #end = HEADROOM;
  /** Size of the largest recent image, slowly decreasing. */
  #expected = 0;

  constructor(input: ByteSource, walk: MarkerWalker, received: Received) {
    this.#input = input;
    this.#walk = walk;
    this.#received = received;
  }

  /** Iterates over the images after the first `skip`. */
  async *images(skip: number): AsyncGenerator<Jpeg> {
    await using _input = this.#input;
    while (await this.#read()) {
      for (let image; (image = this.#nextImage());) if (--skip < 0) yield image;
    }
    const last = this.#lastImage();
    if (last && --skip < 0) yield last;
  }

  /** Like {@link images}, without a promise for each image. */
  async pushTo(push: (jpeg: Jpeg, header: SeenHeader) => void, skip: number): Promise<void> {
    await using _input = this.#input;
    const add = (image: Jpeg) => {
      this.#buffers.lend(image);
      if (--skip < 0) push(image, this.#walk.header);
    };
    while (await this.#read()) {
      for (let image; (image = this.#nextImage());) add(image);
    }
    const last = this.#lastImage();
    if (last) add(last);
  }

  /** Reads more bytes. @returns False at the end of the source. */
  async #read(): Promise<boolean> {
    const space = this.#buffer.length - HEADROOM - this.#end;
    if (space < READ_SIZE) this.#relocate(0, 2 * this.#buffer.length - READ_SIZE - 2 * HEADROOM);
    // The end of the source also ends the last image of a camera that sends no EOI, and then the
    // source does not return the buffer.
    const read = this.#walk.lacksEoi ? await this.#readAside() : await this.#readInPlace();
    if (!read) return false;
    this.#received.add(read);
    this.#end += read.length;
    return true;
  }

  async #readInPlace(): Promise<Bytes | undefined> {
    const { buffer, length } = this.#buffer;
    const read = await this.#input.read(
      new Uint8Array(buffer, this.#end, length - HEADROOM - this.#end),
    );
    if (read && read.buffer !== buffer) this.#buffer = new Uint8Array(read.buffer);
    return read;
  }

  async #readAside(): Promise<Bytes | undefined> {
    const read = await this.#input.read(new Uint8Array(READ_SIZE));
    if (read) this.#buffer.set(read, this.#end);
    return read;
  }

  /** Takes an image out of the bytes read so far. */
  #nextImage(): Jpeg | undefined {
    const walk = this.#walk;
    const bytes = this.#buffer.subarray(0, this.#end);
    if (walk.findFrame(bytes)) {
      const { start, imageEnd, needsEoi } = walk;
      this.#expected = Math.max(imageEnd - start, this.#expected - (this.#expected >> 5));
      this.#relocate(walk.position, this.#expected + (this.#expected >> 3));
      return markHeadroom(
        needsEoi ? withEoi(bytes, start, imageEnd) : bytes.subarray(start, imageEnd),
      );
    }
    // Discards a long run of bytes without an image.
    if (walk.start > HEADROOM + READ_SIZE) this.#relocate(walk.start, this.#expected);
  }

  /** Takes the last image, after the end of the source. */
  #lastImage(): Jpeg | undefined {
    const walk = this.#walk;
    if (!walk.finish(this.#buffer, this.#end)) return undefined;
    return markHeadroom(withEoi(this.#buffer, walk.start, walk.imageEnd));
  }

  /**
   * Copies the bytes from `start` on into another buffer with headroom, and free space for `more`
   * bytes and a read.
   */
  #relocate(start: number, more: number): void {
    const from = Math.max(start, HEADROOM);
    const size = HEADROOM + Math.max(this.#end - from, more) + READ_SIZE + HEADROOM;
    const next = this.#buffers.take(size);
    if (this.#end > from) next.set(this.#buffer.subarray(from, this.#end), HEADROOM);
    this.#buffer = next;
    this.#end += HEADROOM - from;
    this.#walk.shift(HEADROOM - from);
  }
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
