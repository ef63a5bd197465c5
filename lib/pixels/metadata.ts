import type { Bytes } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { type Segment, segments } from "../jpeg/segments.ts";

const APP0 = 0xe0, APP14 = 0xee;
const JFIF = "JFIF\0", ADOBE = "Adobe";
/** Sizes of the segments in bytes, JFIF without a thumbnail. */
const JFIF_SIZE = 18, ADOBE_SIZE = 16;

/**
 * Returns the APPn segments that decoders need, the first of each: JFIF without its thumbnail, and
 * Adobe, which names the colour space. All others may hold pictures or private data.
 *
 * @param parts The segments of `jpeg`, if they have been read already.
 */
export function applicationSegments(
  jpeg: Jpeg,
  parts: Iterable<Segment> = segments(jpeg),
): Bytes {
  let jfif: Bytes | undefined, adobe: Bytes | undefined;
  for (const { marker, start, end } of parts) {
    const size = end - start;
    if (marker === APP0 && size >= JFIF_SIZE && hasIdentifier(jpeg, start, JFIF)) {
      jfif ??= shortened(jpeg, start, JFIF_SIZE);
      jfif.fill(0, JFIF_SIZE - 2); // size of the thumbnail
    } else if (marker === APP14 && size >= ADOBE_SIZE && hasIdentifier(jpeg, start, ADOBE)) {
      adobe ??= shortened(jpeg, start, ADOBE_SIZE);
    }
  }
  return Uint8Array.of(...jfif ?? [], ...adobe ?? []);
}

function hasIdentifier(jpeg: Jpeg, start: number, identifier: string): boolean {
  for (let i = 0; i < identifier.length; i++) {
    if (jpeg[start + 4 + i] !== identifier.charCodeAt(i)) return false;
  }
  return true;
}

/** Returns the first bytes of a segment as a segment of that size. */
function shortened(jpeg: Jpeg, start: number, size: number): Bytes {
  const segment = jpeg.slice(start, start + size);
  segment.set([size - 2 >> 8, size - 2 & 0xff], 2);
  return segment;
}
