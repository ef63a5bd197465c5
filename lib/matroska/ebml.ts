import type { Bytes } from "../bytes.ts";

/** Encodes an EBML element: its ID, its size, and its content (RFC 8794, section 6). */
export function element(id: number, ...content: readonly Bytes[]): Bytes {
  const size = content.reduce((sum, { length }) => sum + length, 0);
  return join(encodeId(id), encodeSize(size), ...content);
}

/** Encodes an unsigned integer in a fixed number of bytes. */
export function uint(value: number, bytes: number): Bytes {
  const encoded = new Uint8Array(bytes);
  for (let i = bytes - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) {
    encoded[i] = rest % 256;
  }
  return encoded;
}

/** Encodes a float in eight bytes. */
export function float(value: number): Bytes {
  const encoded = new Uint8Array(8);
  new DataView(encoded.buffer).setFloat64(0, value);
  return encoded;
}

/** Encodes ASCII text, padded with zeros to a length. */
export function text(value: string, length = value.length): Bytes {
  const encoded = new Uint8Array(length);
  new TextEncoder().encodeInto(value, encoded);
  return encoded;
}

/** Concatenates bytes. */
export function join(...parts: readonly Bytes[]): Bytes {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Encodes an element's size in as few bytes as possible, or in `width` bytes. */
export function encodeSize(size: number, width = sizeWidth(size)): Bytes {
  const encoded = uint(size, width);
  encoded[0]! |= 0x80 >> (width - 1);
  return encoded;
}

function sizeWidth(size: number): number {
  let width = 1;
  while (size >= 2 ** (7 * width) - 1) width++; // all bits set would mean "unknown"
  return width;
}

function encodeId(id: number): Bytes {
  return uint(id, id > 0xffffff ? 4 : id > 0xffff ? 3 : id > 0xff ? 2 : 1);
}

/** An EBML element in a buffer. */
export interface Element {
  readonly id: number;
  /** Offset of its content. */
  readonly start: number;
  /** Offset of its end; `Infinity` if its size is unknown. The content may be cut off. */
  readonly end: number;
}

/** Reads the ID and size of the element at an offset; undefined if they are cut off or invalid. */
export function readElement(bytes: Bytes, at: number): Element | undefined {
  const idWidth = widthOf(bytes[at]);
  if (idWidth === undefined || idWidth > 4) return undefined;
  const sizeAt = at + idWidth;
  const width = widthOf(bytes[sizeAt]);
  if (width === undefined || sizeAt + width > bytes.length) return undefined;
  const start = sizeAt + width;
  let size = bytes[sizeAt]! & (0xff >> width);
  let isUnknown = size === 0xff >> width;
  for (let i = sizeAt + 1; i < start; i++) {
    isUnknown &&= bytes[i] === 0xff;
    size = size * 256 + bytes[i]!;
  }
  return { id: readUint(bytes, at, sizeAt), start, end: isUnknown ? Infinity : start + size };
}

/** Yields the elements from `at` to `end`. Stops where the bytes are cut off or invalid. */
export function* elements(bytes: Bytes, at: number, end = bytes.length): Generator<Element> {
  while (at < end) {
    const found = readElement(bytes, at);
    if (!found) return;
    yield found;
    at = found.end;
  }
}

/** Reads an unsigned integer from `start` to `end`. */
export function readUint(bytes: Bytes, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) value = value * 256 + bytes[i]!;
  return value;
}

/** Number of bytes of an ID or size, which its first byte tells. */
function widthOf(first: number | undefined): number | undefined {
  if (!first) return undefined; // missing, or 0: wider than 8 bytes
  return Math.clz32(first) - 23;
}
