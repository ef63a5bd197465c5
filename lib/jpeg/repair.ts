import { type Bytes, HEADROOM, markHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { MarkerWalker } from "./marker_walker.ts";

/**
 * Returns a repaired copy of an image whose header is damaged, as `splitJpegs` repairs it; undefined if that is
 * not possible.
 */
export function repairJpeg(image: Jpeg): Jpeg | undefined {
  const bytes: Bytes = new Uint8Array(HEADROOM + image.length + HEADROOM);
  bytes.set(image, HEADROOM);
  const walker = new MarkerWalker({ broken: 0, skippedBytes: 0 }, image.length);
  if (!walker.findFrame(bytes.subarray(0, HEADROOM + image.length))) return undefined;
  return markHeadroom(bytes.subarray(walker.start, walker.imageEnd));
}
