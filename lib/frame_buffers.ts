import type { Bytes } from "./bytes.ts";

/** Sizes are multiples of this, in bytes, so that a buffer also suffices for a larger image. */
const GRANULARITY = 65_536;
/** Maximum number of unused buffers that are kept. */
const MAX_UNUSED = 3;

/** The pool that has lent each buffer. */
const lenders = new WeakMap<ArrayBuffer, FrameBuffers>();

/**
 * Pool of buffers for the images of one capture. {@link releaseFrameBuffer} returns the buffer of an
 * image that is no longer used; without that, the garbage collector frees it.
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

  /** Records that the buffer of an image belongs to this pool, and may be released. */
  lend(image: Bytes): void {
    lenders.set(image.buffer, this);
  }

  /** Takes a buffer back. */
  giveBack(buffer: ArrayBuffer): void {
    if (this.#unused.length < MAX_UNUSED) this.#unused.push(buffer);
  }
}

/**
 * Returns the buffer of an image to its pool, for a later image: call it only if neither the image
 * nor another part of its buffer is used any more. Does nothing for a buffer without a pool.
 */
export function releaseFrameBuffer({ buffer }: Bytes): void {
  const lender = lenders.get(buffer);
  if (!lenders.delete(buffer)) return;
  lender!.giveBack(buffer);
}
