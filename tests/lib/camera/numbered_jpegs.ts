/**
 * JPEGs with a number, whose size and bytes depend on it. As a program, prints them:
 *
 *     deno run numbered_jpegs.ts <frames per second>
 *
 * @module
 */
import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { DHT, DQT, EOI, join, sof, SOI, sos } from "../jpeg/sample_jpegs.ts";

/** Maximum size of a JPEG's content, in bytes: more than the kernel keeps for a slow viewer. */
const MAX_SIZE = 60_000;
const HEAD = join(SOI, DQT, sof(), DHT, sos());
/** Digits of the number, with base 128: no byte is FF. */
const DIGITS = 3;

/** Bytes without FF that look random. */
const NOISE = new Uint8Array(2 * MAX_SIZE);
for (let i = 0, state = 1; i < NOISE.length; i++) {
  state = Math.imul(state, 1_103_515_245) + 12_345 >>> 0;
  NOISE[i] = (state >>> 16) % 255;
}

/** Returns the JPEG with a number from 1 on. */
export function numberedJpeg(number: number): Jpeg {
  const digits = Uint8Array.from({ length: DIGITS }, (_, i) => number >> 7 * i & 127);
  const from = number * 7_919 % MAX_SIZE;
  const size = 2_000 + number * 104_729 % (MAX_SIZE - 2_000);
  return join(HEAD, digits, NOISE.subarray(from, from + size), EOI);
}

/** Reads the number of a JPEG. */
export function numberIn(jpeg: Jpeg): number {
  let number = 0;
  for (let i = 0; i < DIGITS; i++) number |= jpeg[HEAD.length + i]! << 7 * i;
  return number;
}

/** Returns the end of the JPEG that begins at `at`; -1 if it is not complete. */
export function endOfJpeg(bytes: Bytes, at: number): number {
  const eoi = bytes.indexOf(0xff, at + HEAD.length);
  return eoi === -1 || eoi + 2 > bytes.length ? -1 : eoi + 2;
}

if (import.meta.main) {
  const interval = 1000 / Number(Deno.args[0]);
  const startedAt = performance.now();
  for (let number = 1;; number++) {
    const jpeg = numberedJpeg(number);
    for (let at = 0; at < jpeg.length;) at += Deno.stdout.writeSync(jpeg.subarray(at));
    const wait = startedAt + number * interval - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
