import type { Bytes } from "../bytes.ts";
import { isStandalone } from "./segments.ts";
import { findMarkerBySimd } from "./scan_simd.ts";

/**
 * Finds the end of a scan's data from `from` on: an FF that is the last byte, or is followed by
 * neither 00 nor a stand-alone marker. Returns -1 if there is none. Nearly all the work of
 * splitting is done here. `bytes` must begin at the start of its buffer.
 */
export function findMarker(bytes: Bytes, from: number): number {
  return (findMarkerBySimd ?? findMarkerByWords)(bytes, from);
}

/** {@link findMarker} for machines without SIMD instructions: examines four bytes at once. */
export function findMarkerByWords(bytes: Bytes, from: number): number {
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
 * Sets the highest bit of each byte that is 00, as only these borrow in a subtraction. It may also
 * set that of a 01 after a 00.
 */
function zeros(word: number): number {
  return (word - 0x01010101) & ~word & 0x80808080;
}
