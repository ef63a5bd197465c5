import { type Bytes, HEADROOM } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { MarkerWalker } from "../jpeg/marker_walker.ts";
import { splitJpegs } from "../jpeg/split.ts";
import type { DecodeCounts } from "./part_parser.ts";

/** Number of successive images outside parts that prove that the parts are not recognised. */
const MAX_MISSED = 3;
/** Initial size of the buffer in bytes. */
const INITIAL_SIZE = 65_536;

/**
 * Counts the JPEGs at the beginning of a multipart stream that are in no part that the parser
 * recognises: because each delimiter is another one, lines end with CR alone, or bytes precede the
 * images.
 */
export class MissedImages {
  readonly #maxFrame: number;
  readonly #walker: MarkerWalker;
  #bytes: Bytes = new Uint8Array(INITIAL_SIZE);
  #end = HEADROOM;
  #found = 0;
  #missed = 0;

  constructor(maxFrame: number) {
    this.#maxFrame = maxFrame;
    this.#walker = new MarkerWalker({ broken: 0, skippedBytes: 0 }, maxFrame);
  }

  /**
   * Adds the next bytes of the stream.
   *
   * @param hasPart Whether the parser has found an image with these bytes.
   * @returns Whether the parser misses the images.
   */
  add(chunk: Bytes, hasPart: boolean): boolean {
    if (this.#end + chunk.length > HEADROOM + this.#maxFrame) return false;
    this.#append(chunk);
    const before = this.#found;
    while (this.#walker.findFrame(this.#bytes.subarray(0, this.#end))) this.#found++;
    this.#missed = hasPart ? 0 : this.#missed + this.#found - before;
    return this.#missed >= MAX_MISSED;
  }

  /** Yields the last image that was added, and those of the rest of the stream. */
  async *split(rest: AsyncIterator<Bytes>, counts: DecodeCounts): AsyncGenerator<Jpeg> {
    const own = { broken: 0, skippedBytes: 0 };
    let number = 0;
    for await (
      const jpeg of splitJpegs(this.#with(rest), { maxFrame: this.#maxFrame, counts: own })
    ) {
      if (++number < this.#found) own.broken = 0; // the parser has counted it
      else {
        counts.broken += own.broken;
        own.broken = 0;
        yield jpeg;
      }
    }
  }

  async *#with(rest: AsyncIterator<Bytes>): AsyncGenerator<Bytes> {
    yield this.#bytes.subarray(HEADROOM, this.#end);
    for (let read; !(read = await rest.next()).done;) yield read.value;
  }

  #append(chunk: Bytes): void {
    const end = this.#end + chunk.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(2 * end);
      larger.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end = end;
  }
}
