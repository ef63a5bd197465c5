import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";

// Tiny images: markers and lengths are valid, the data between them are made up.

/** Start of image. */
export const SOI = bytes(0xff, 0xd8);
/** End of image. */
export const EOI = bytes(0xff, 0xd9);
/** A quantization table. */
export const DQT = segment(0xdb, [0, ...Array(64).fill(16)]);
/** The Huffman tables for DC and AC coefficients, of one code each. */
export const DHT = segment(0xc4, [0x00, 0x10].flatMap((id) => [id, 1, ...Array(15).fill(0), 5]));
/** Data of a scan: a stuffed FF, and bytes that would be markers without the stuffing. */
export const SCAN = bytes(0x12, 0xff, 0x00, 0xd8, 0xd9, 0xff, 0x00, 0x34, 0xda);

/** Makes an array of bytes. */
export function bytes(...values: number[]): Bytes {
  return new Uint8Array(values);
}

/** Concatenates pieces. */
export function join(...pieces: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Makes a segment: marker, length, content. */
export function segment(marker: number, content: ArrayLike<number> = []): Bytes {
  const length = content.length + 2;
  return join(bytes(0xff, marker, length >> 8, length & 0xff), Uint8Array.from(content));
}

/** Makes a frame header for three components of 8 bits; baseline by default. */
export function sof({ width = 640, height = 480, marker = 0xc0 } = {}): Bytes {
  const size = [height >> 8, height & 0xff, width >> 8, width & 0xff];
  return segment(marker, [8, ...size, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]);
}

/** Makes the header of a scan with three components. */
export function sos(): Bytes {
  return segment(0xda, [3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
}

/** Makes the APP1 segment of a camera: EXIF with a thumbnail, which is itself a JPEG. */
export function exif(thumbnail: Jpeg = sampleJpeg({ width: 160, height: 120 })): Bytes {
  return segment(0xe1, join(new TextEncoder().encode("Exif\0\0"), thumbnail));
}

/** Options of {@link sampleJpeg}. */
export interface SampleOptions {
  width?: number;
  height?: number;
  /** Segments before the tables. */
  head?: readonly Uint8Array[];
  scan?: Uint8Array;
}

/** Makes a complete image with one scan. */
export function sampleJpeg({ width, height, head = [], scan = SCAN }: SampleOptions = {}): Jpeg {
  return join(SOI, ...head, DQT, sof({ width, height }), DHT, sos(), scan, EOI);
}
