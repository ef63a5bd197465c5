import type { Bytes } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { type Segment, segments } from "../jpeg/segments.ts";
import { type Orientation, UPRIGHT } from "./orientation.ts";

const APP1 = 0xe1;
/** Identifier of an EXIF segment. */
const EXIF = "Exif\0\0";
/** Offset of the TIFF header in an EXIF segment. */
const TIFF_OFFSET = 10;
/** Tag of the orientation, and its type: 16 bits (EXIF 2.32, 4.6.4 A). */
const ORIENTATION = 0x0112, SHORT = 3;

/** The orientations by their EXIF value, from 1: how the stored picture is turned to be seen. */
const ORIENTATIONS: readonly Orientation[] = [
  UPRIGHT,
  { rotation: 0, mirrored: true },
  { rotation: 180, mirrored: false },
  { rotation: 180, mirrored: true },
  { rotation: 90, mirrored: true },
  { rotation: 90, mirrored: false },
  { rotation: 270, mirrored: true },
  { rotation: 270, mirrored: false },
];

/**
 * Reads from a JPEG's EXIF data how its picture must be turned to be upright.
 *
 * @param header The segments of `jpeg`, if they have been read already.
 * @returns Upright if the data do not say it, or are invalid.
 */
export function exifOrientation(
  jpeg: Jpeg,
  header: Iterable<Segment> = segments(jpeg),
): Orientation {
  for (const { marker, start, end } of header) {
    if (marker !== APP1 || !isExif(jpeg, start, end)) continue;
    const length = end - start - TIFF_OFFSET;
    const tiff = new DataView(jpeg.buffer, jpeg.byteOffset + start + TIFF_OFFSET, length);
    return ORIENTATIONS[readValue(tiff) - 1] ?? UPRIGHT;
  }
  return UPRIGHT;
}

/** Makes an APP1 segment that holds nothing but an orientation; for the place after SOI. */
export function exifSegment({ rotation, mirrored }: Orientation): Bytes {
  const value = 1 +
    ORIENTATIONS.findIndex((orientation) =>
      orientation.rotation === rotation && orientation.mirrored === mirrored
    );
  const tiff = [
    ...[0x4d, 0x4d, 0, 42, 0, 0, 0, 8], // big-endian; where the directory is
    ...[0, 1, ORIENTATION >> 8, ORIENTATION & 0xff, 0, SHORT, 0, 0, 0, 1, 0, value, 0, 0],
    ...[0, 0, 0, 0], // no further directory
  ];
  const name = Array.from(EXIF, (letter) => letter.charCodeAt(0));
  return Uint8Array.of(0xff, APP1, 0, 2 + name.length + tiff.length, ...name, ...tiff);
}

function isExif(jpeg: Jpeg, start: number, end: number): boolean {
  if (end - start < TIFF_OFFSET) return false;
  return Array.from(EXIF).every((letter, i) => jpeg[start + 4 + i] === letter.charCodeAt(0));
}

/** Reads the orientation's EXIF value; 0 if there is none. */
function readValue(tiff: DataView): number {
  try {
    const littleEndian = tiff.getUint16(0) === 0x4949;
    const directory = tiff.getUint32(4, littleEndian);
    const count = tiff.getUint16(directory, littleEndian);
    for (let i = 0; i < count; i++) {
      const entry = directory + 2 + 12 * i;
      if (tiff.getUint16(entry, littleEndian) !== ORIENTATION) continue;
      const isShort = tiff.getUint16(entry + 2, littleEndian) === SHORT;
      return isShort ? tiff.getUint16(entry + 8, littleEndian) : 0;
    }
  } catch (error) {
    // An offset points past the end: malformed EXIF data.
    if (!(error instanceof RangeError)) throw error;
  }
  return 0;
}
