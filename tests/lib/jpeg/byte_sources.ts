import type { Bytes, ByteSource } from "../../../lib/bytes.ts";

/**
 * A program's output in given chunks. Like a BYOB reader, each read detaches the caller's buffer
 * and returns the memory in a new buffer; the end of the output returns no buffer.
 */
export class FakeProgram implements ByteSource {
  /** The buffers that were returned, in order. */
  readonly buffers: ArrayBuffer[] = [];
  /** Size of the largest buffer that was passed to a read, in bytes. */
  largest = 0;
  /** Number of times that it was disposed of. */
  disposed = 0;
  readonly #chunks: Iterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: Iterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  async read(into: Bytes): Promise<Bytes | undefined> {
    await Promise.resolve();
    this.largest = Math.max(this.largest, into.buffer.byteLength);
    const { byteOffset, length } = into;
    const buffer = into.buffer.transfer();
    while (this.#rest.length === 0) {
      const { done, value } = this.#chunks.next();
      if (done) return undefined;
      this.#rest = value;
    }
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(taken.length);
    const given = new Uint8Array(buffer, byteOffset, taken.length);
    given.set(taken);
    this.buffers.push(buffer);
    return given;
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes> {
    throw new Error("A byte source is read, not iterated");
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disposed++;
    return Promise.resolve();
  }
}

/** Cuts bytes into chunks of the sizes that `size` returns. */
export function* inChunks(whole: Uint8Array, size: () => number): Generator<Uint8Array> {
  for (let at = 0, end; at < whole.length; at = end) {
    end = at + size();
    yield whole.subarray(at, end);
  }
}
