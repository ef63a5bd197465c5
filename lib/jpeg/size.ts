import type { Jpeg } from "../frame.ts";

/** Width and height of an image in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Whether a marker is a frame header, SOF0 to SOF15: not DHT, JPG or DAC, which lie between them. */
export function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** The size that a JPEG says it has, or undefined if it has no frame header (ITU-T T.81, B.2.2). */
export function sizeOf(jpeg: Jpeg): Size | undefined {
  for (const { marker, start, end } of segments(jpeg)) {
    if (!isFrameHeader(marker) || end - start < 9) continue;
    const height = jpeg[start + 5]! << 8 | jpeg[start + 6]!;
    const width = jpeg[start + 7]! << 8 | jpeg[start + 8]!;
    return { width, height };
  }
}

/** A piece of a JPEG in front of its pictures' data: `start` is its FF byte, `end` is behind it. */
export interface Segment {
  readonly marker: number;
  readonly start: number;
  readonly end: number;
}

/** The segments of a JPEG behind SOI, up to and with its first SOS. Ends early where a JPEG is broken. */
export function* segments(jpeg: Jpeg): Generator<Segment> {
  let start = 2;
  while (start + 4 <= jpeg.length && jpeg[start] === 0xff) {
    const marker = jpeg[start + 1]!;
    if (marker === 0xff) {
      start++; // any number of FF may stand in front of a marker
      continue;
    }
    const end = start + 2 + (jpeg[start + 2]! << 8 | jpeg[start + 3]!);
    yield { marker, start, end };
    if (marker === 0xda) return;
    start = end;
  }
}
