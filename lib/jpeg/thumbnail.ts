import type { Jpeg } from "../frame.ts";
import { type Segment, segments } from "./segments.ts";

const APP1 = 0xe1;
/** Identifier of an EXIF segment. */
const EXIF = "Exif\0\0";
/** Offset of the TIFF header in an EXIF segment. */
const TIFF_OFFSET = 10;
/** Tags of the thumbnail's offset and length in the second directory (EXIF 2.32, 4.5.8). */
const THUMBNAIL_OFFSET = 0x0201, THUMBNAIL_LENGTH = 0x0202;

/**
 * Overwrites the thumbnail in a JPEG's EXIF data with zeros. The thumbnail is a JPEG itself, and
 * clients that search for the first FF D8 or FF D9 would cut the image there. The length of the
 * file and the other EXIF data stay the same. Writes into `jpeg`, which must not be shared yet.
 *
 * @param header The segments of `jpeg`, if they have been read already.
 * @returns The same object.
 */
export function withoutThumbnail(jpeg: Jpeg, header: Iterable<Segment> = segments(jpeg)): Jpeg {
  for (const { marker, start, end } of header) {
    if (marker === APP1 && isExif(jpeg, start + 4)) blankThumbnail(jpeg, start + TIFF_OFFSET, end);
  }
  return jpeg;
}

function isExif(jpeg: Jpeg, at: number): boolean {
  for (let i = 0; i < EXIF.length; i++) if (jpeg[at + i] !== EXIF.charCodeAt(i)) return false;
  return true;
}

/** Blanks the thumbnail in the TIFF data from `start` to `end`, if there is one. */
function blankThumbnail(jpeg: Jpeg, start: number, end: number): void {
  const tiff = new DataView(jpeg.buffer, jpeg.byteOffset + start, Math.max(0, end - start));
  try {
    const littleEndian = tiff.getUint16(0) === 0x4949;
    const first = tiff.getUint32(4, littleEndian);
    const link = first + 2 + 12 * tiff.getUint16(first, littleEndian);
    const second = tiff.getUint32(link, littleEndian);
    if (second === 0) return;
    const offset = readTag(tiff, second, THUMBNAIL_OFFSET, littleEndian);
    const length = readTag(tiff, second, THUMBNAIL_LENGTH, littleEndian);
    if (offset === undefined || length === undefined || offset + length > tiff.byteLength) return;
    jpeg.fill(0, start + offset, start + offset + length);
    tiff.setUint32(link, 0); // removes the second directory
  } catch (error) {
    // An offset points past the end: malformed EXIF data are left as they are.
    if (!(error instanceof RangeError)) throw error;
  }
}

function readTag(
  tiff: DataView,
  directory: number,
  tag: number,
  littleEndian: boolean,
): number | undefined {
  const count = tiff.getUint16(directory, littleEndian);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + 12 * i;
    if (tiff.getUint16(entry, littleEndian) === tag) return tiff.getUint32(entry + 8, littleEndian);
  }
}
