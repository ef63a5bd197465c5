import { type Bytes, HEADROOM, markHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";

/** Size of SOI, in bytes. */
const SOI = 2;

/** Returns a copy of a JPEG with one more segment behind SOI. */
export function insertSegment(jpeg: Jpeg, segment: Bytes): Jpeg {
  const length = jpeg.length + segment.length;
  const copy = new Uint8Array(new ArrayBuffer(HEADROOM + length + HEADROOM), HEADROOM, length);
  copy.set(jpeg.subarray(0, SOI));
  copy.set(segment, SOI);
  copy.set(jpeg.subarray(SOI), SOI + segment.length);
  return markHeadroom(copy);
}
