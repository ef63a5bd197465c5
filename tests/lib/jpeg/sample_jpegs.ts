import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";

// Images in miniature: right in every marker and length, while what is between them is made up.

/** SOI. */
export const SOI = bytes(0xff, 0xd8);
/** EOI. */
export const EOI = bytes(0xff, 0xd9);
/** A quantization table. */
export const DQT = segment(0xdb, [0, ...Array(64).fill(16)]);
/** A Huffman table. */
export const DHT = segment(0xc4, [0, 1, ...Array(15).fill(0), 5]);
/** Data of a scan: with a stuffed FF, and bytes that look like an image's when the FF is forgotten. */
export const SCAN = bytes(0x12, 0xff, 0x00, 0xd8, 0xd9, 0xff, 0x00, 0x34, 0xda);

/** Bytes one by one. */
export function bytes(...values: number[]): Bytes {
  return new Uint8Array(values);
}

/** Puts pieces together. */
export function join(...pieces: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** A segment: marker, length, content. */
export function segment(marker: number, content: ArrayLike<number> = []): Bytes {
  const length = content.length + 2;
  return join(bytes(0xff, marker, length >> 8, length & 0xff), Uint8Array.from(content));
}

/** A frame header for three components of 8 bits; baseline unless another marker is given. */
export function sof({ width = 640, height = 480, marker = 0xc0 } = {}): Bytes {
  const size = [height >> 8, height & 0xff, width >> 8, width & 0xff];
  return segment(marker, [8, ...size, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]);
}

/** A scan's header. */
export function sos(): Bytes {
  return segment(0xda, [3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
}

/** The APP1 segment of a camera: EXIF with a thumbnail, which is a JPEG of its own. */
export function exif(thumbnail: Jpeg = sampleJpeg({ width: 160, height: 120 })): Bytes {
  return segment(0xe1, join(new TextEncoder().encode("Exif\0\0"), thumbnail));
}

/** What {@link sampleJpeg} can be told. */
export interface SampleOptions {
  width?: number;
  height?: number;
  /** Segments in front of the tables. */
  head?: readonly Uint8Array[];
  scan?: Uint8Array;
}

/** A whole image of one scan. */
export function sampleJpeg({ width, height, head = [], scan = SCAN }: SampleOptions = {}): Jpeg {
  return join(SOI, ...head, DQT, sof({ width, height }), DHT, sos(), scan, EOI);
}
