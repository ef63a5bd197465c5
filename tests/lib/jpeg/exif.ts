import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { join, segment } from "./sample_jpegs.ts";

/** Options of {@link exifWith}. */
export interface ExifOptions {
  thumbnail: Jpeg;
  /** Byte order: little-endian (Intel) or big-endian (Motorola). @default {true} */
  little?: boolean;
}

/**
 * Makes the APP1 segment of a camera: a picture turned by 90 degrees (orientation 6), and a
 * thumbnail.
 */
export function exifWith({ thumbnail, little = true }: ExifOptions): Bytes {
  const tiff = new DataView(new ArrayBuffer(68));
  const entry = (at: number, tag: number, type: number, value: number) => {
    tiff.setUint16(at, tag, little);
    tiff.setUint16(at + 2, type, little);
    tiff.setUint32(at + 4, 1, little);
    if (type === 3) tiff.setUint16(at + 8, value, little);
    else tiff.setUint32(at + 8, value, little);
  };
  tiff.setUint16(0, little ? 0x4949 : 0x4d4d);
  tiff.setUint16(2, 42, little);
  tiff.setUint32(4, 8, little);
  tiff.setUint16(8, 1, little);
  entry(10, 0x0112, 3, 6);
  tiff.setUint32(22, 26, little);
  tiff.setUint16(26, 3, little);
  entry(28, 0x0103, 3, 6); // compression: JPEG
  entry(40, 0x0201, 4, 68);
  entry(52, 0x0202, 4, thumbnail.length);
  tiff.setUint32(64, 0, little);
  const start = new TextEncoder().encode("Exif\0\0");
  return segment(0xe1, join(start, new Uint8Array(tiff.buffer), thumbnail));
}

/** Inserts a segment after the SOI of an image. */
export function withSegment(jpeg: Jpeg, added: Bytes): Jpeg {
  return join(jpeg.subarray(0, 2), added, jpeg.subarray(2));
}
