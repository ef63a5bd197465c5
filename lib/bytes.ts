/** Bytes in a buffer that cannot be resized or shared between threads. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A pull source that fills the caller's buffer, like a BYOB reader. */
export interface ByteSource extends AsyncIterable<Bytes>, AsyncDisposable {
  /**
   * Waits for bytes and writes them to the start of `into`. Its buffer may be detached: from the call
   * on, the caller uses it only through the result.
   *
   * @returns The bytes read, in the same memory, in the same buffer or a new one; undefined at the
   * end, and then the content of `into` is undefined.
   */
  read(into: Bytes): Promise<Bytes | undefined>;
}

/** Concatenates bytes. With nothing before `second`, returns `second` itself, not a copy. */
export function concat(first: Bytes, second: Bytes): Bytes {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/**
 * Spare bytes before and after each JPEG in its buffer, so that the header and the delimiter of a
 * multipart part can be written around it without a copy.
 */
export const HEADROOM = 160;

const buffersWithHeadroom = new WeakSet<ArrayBuffer>();

/**
 * Declares that nothing else uses the buffer of `bytes`, and that it has {@link HEADROOM} at both
 * ends.
 */
export function markHeadroom<T extends Bytes>(bytes: T): T {
  buffersWithHeadroom.add(bytes.buffer);
  return bytes;
}

/** Returns `length` bytes, all 0, with {@link HEADROOM} in a buffer of their own. */
export function allocateWithHeadroom(length: number): Bytes {
  const buffer = new ArrayBuffer(HEADROOM + length + HEADROOM);
  return markHeadroom(new Uint8Array(buffer, HEADROOM, length));
}

/** Copies bytes to a new buffer with {@link HEADROOM}. */
export function copyWithHeadroom(bytes: Uint8Array): Bytes {
  const copy = allocateWithHeadroom(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Whether {@link markHeadroom} was called for the buffer of `bytes`. */
export function hasHeadroom(bytes: Bytes): boolean {
  return buffersWithHeadroom.has(bytes.buffer);
}
