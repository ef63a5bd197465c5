import type { Bytes } from "../bytes.ts";

/**
 * This module in WebAssembly, with a memory of 128 KiB. `find` examines 16 bytes at once, and one
 * byte more than `end`:
 *
 *     (func (export "find") (param $at i32) (param $end i32) (result i32)
 *       (local $next v128) (local $hits i32)
 *       (block $none (loop $again
 *         (br_if $none (i32.ge_u (local.get $at) (local.get $end)))
 *         (if (local.tee $hits (i8x16.bitmask (v128.andnot
 *             (i8x16.eq (v128.load (local.get $at)) FF)
 *             (v128.or                              ;; 00, TEM (01), or RST0 to RST7 (D0 to D7)
 *               (i8x16.eq (v128.and (local.tee $next (v128.load offset=1 (local.get $at))) FE) 00)
 *               (i8x16.eq (v128.and (local.get $next) F8) D0)))))
 *           (then (return (i32.add (local.get $at) (i32.ctz (local.get $hits))))))
 *         (local.set $at (i32.add (local.get $at) (i32.const 16)))
 *         (br $again)))
 *       (i32.const -1))
 */
const MODULE =
  "AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBAAIHEQIGbWVtb3J5AgAEZmluZAAACqcBAaQBAgF7AX8CQANAIAAgAU8N" +
  "ASAA/QAAAP0M//////////////////////0jIAD9AAABIgL9DP7+/v7+/v7+/v7+/v7+/v79Tv0MAAAAAAAAAAAA" +
  "AAAAAAAAAP0jIAL9DPj4+Pj4+Pj4+Pj4+Pj4+Pj9Tv0M0NDQ0NDQ0NDQ0NDQ0NDQ0P0j/VD9T/1kIgMEQCAAIANo" +
  "ag8LIABBEGohAAwACwtBfws=";

/** Number of bytes that are read behind those that are examined. */
const MARGIN = 32;
/** Size of the first window, in bytes: markers may follow each other closely. */
const FIRST_WINDOW = 16_384;
const MAX_WINDOW = 131_072 - MARGIN;

interface Exports {
  readonly memory: WebAssembly.Memory;
  find(at: number, end: number): number;
}

/** `findMarker` by SIMD instructions of WebAssembly; undefined where there are none. */
export const findMarkerBySimd = WebAssembly.validate(Uint8Array.fromBase64(MODULE))
  ? search
  : undefined;

let instance: { window: Bytes; find: Exports["find"] } | undefined;

/** Copies the bytes into windows of growing size, and searches these. */
function search(bytes: Bytes, from: number): number {
  const { window, find } = instance ??= instantiate();
  let size = FIRST_WINDOW;
  for (let at = from; at < bytes.length; size = Math.min(2 * size, MAX_WINDOW)) {
    const count = Math.min(size, bytes.length - at);
    window.set(bytes.subarray(at, at + count));
    window.fill(0, count, count + MARGIN); // an FF at the end of the window is not found
    const found = find(0, count);
    if (found !== -1) return at + found;
    const endsWithFF = window[count - 1] === 0xff;
    if (at + count === bytes.length) return endsWithFF ? bytes.length - 1 : -1;
    at += endsWithFF ? count - 1 : count;
  }
  return -1;
}

function instantiate() {
  const module = new WebAssembly.Module(Uint8Array.fromBase64(MODULE));
  const { memory, find } = new WebAssembly.Instance(module).exports as unknown as Exports;
  return { window: new Uint8Array(memory.buffer as ArrayBuffer), find };
}
