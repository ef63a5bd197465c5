import type { Jpeg } from "../frame.ts";
import { segments } from "./segments.ts";

const APP1 = 0xe1;
/** What an APP1 segment of EXIF begins with, and how far behind the segment's start its TIFF header is. */
const EXIF = "Exif\0\0", TIFF = 10;
/** The tags of a thumbnail's place and length, in the second directory (EXIF 2.32, 4.5.8). */
const PLACE = 0x0201, LENGTH = 0x0202;

/**
 * Blanks the thumbnail that a camera put into a JPEG's EXIF data: it is a JPEG of its own, and clients that
 * look for the first FF D8 or FF D9 take its ends for those of the picture. All else of EXIF, and the length
 * of the file, stay as they are. Writes into the image itself, which nobody else has yet.
 *
 * @returns The same object.
 */
export function withoutThumbnail(jpeg: Jpeg): Jpeg {
  for (const { marker, start, end } of segments(jpeg)) {
    if (marker !== APP1 || end > jpeg.length || !isExif(jpeg, start + 4)) continue;
    blank(jpeg, start + TIFF, end);
  }
  return jpeg;
}

function isExif(jpeg: Jpeg, at: number): boolean {
  for (let i = 0; i < EXIF.length; i++) if (jpeg[at + i] !== EXIF.charCodeAt(i)) return false;
  return true;
}

/** Blanks the thumbnail of the TIFF data between two places, if they have one. */
function blank(jpeg: Jpeg, start: number, end: number): void {
  const tiff = new DataView(jpeg.buffer, jpeg.byteOffset + start, Math.max(0, end - start));
  try {
    const little = tiff.getUint16(0) === 0x4949;
    const first = tiff.getUint32(4, little);
    const next = first + 2 + 12 * tiff.getUint16(first, little);
    const second = tiff.getUint32(next, little);
    if (second === 0) return;
    const place = valueOf(tiff, second, PLACE, little);
    const length = valueOf(tiff, second, LENGTH, little);
    if (place === undefined || length === undefined || place + length > tiff.byteLength) return;
    jpeg.fill(0, start + place, start + place + length);
    tiff.setUint32(next, 0); // there is no second directory
  } catch (error) {
    // It says that something lies behind its end: it is not what it seems, and stays.
    if (!(error instanceof RangeError)) throw error;
  }
}

function valueOf(
  tiff: DataView,
  directory: number,
  tag: number,
  little: boolean,
): number | undefined {
  const count = tiff.getUint16(directory, little);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + 12 * i;
    if (tiff.getUint16(entry, little) === tag) return tiff.getUint32(entry + 8, little);
  }
}
