import { allocateWithHeadroom, type Bytes } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";

/** Size of SOI, in bytes. */
const SOI = 2;

/** Returns a copy of a JPEG with one more segment, by default behind SOI. */
export function insertSegment(jpeg: Jpeg, segment: Bytes, at = SOI): Jpeg {
  const copy = allocateWithHeadroom(jpeg.length + segment.length);
  copy.set(jpeg.subarray(0, at));
  copy.set(segment, at);
  copy.set(jpeg.subarray(at), at + segment.length);
  return copy;
}
