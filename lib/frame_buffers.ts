import type { Bytes } from "./bytes.ts";

/** Sizes are multiples of this, in bytes, so that a buffer also suffices for a larger image. */
const GRANULARITY = 65_536;
/** Maximum number of unused buffers that are kept. */
const MAX_UNUSED = 3;

/** The pool that has lent each buffer. */
const lenders = new WeakMap<ArrayBuffer, FrameBuffers>();

/**
 * Buffers for the images of one capture. An image that nobody uses any more gives its buffer back by
 * {@link releaseFrameBuffer}; without that, the garbage collector frees it.
 */
export class FrameBuffers {
  #unused: ArrayBuffer[] = [];

  /** Returns a buffer of at least `size` bytes. Its content is arbitrary. */
  take(size: number): Bytes {
    for (let buffer; (buffer = this.#unused.pop());) {
      if (buffer.byteLength >= size) return new Uint8Array(buffer);
    }
    return new Uint8Array(Math.ceil(size / GRANULARITY) * GRANULARITY);
  }

  /** Lends the buffer of an image to whoever gets the image. */
  lend(image: Bytes): void {
    lenders.set(image.buffer, this);
  }

  /** Takes a buffer back. */
  giveBack(buffer: ArrayBuffer): void {
    if (this.#unused.length < MAX_UNUSED) this.#unused.push(buffer);
  }
}

/**
 * Gives the buffer of an image back to its pool, which writes to it again: call it only if nobody
 * uses the image, or another part of its buffer, any more. Does nothing for other images.
 */
export function releaseFrameBuffer({ buffer }: Bytes): void {
  const lender = lenders.get(buffer);
  if (!lenders.delete(buffer)) return;
  lender!.giveBack(buffer);
}
