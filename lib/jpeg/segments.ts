import type { Jpeg } from "../frame.ts";

/** Width and height of an image in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A segment of a JPEG header: from its FF byte at `start` to the byte before `end`. */
export interface Segment {
  readonly marker: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Whether a marker is a frame header: SOF0 to SOF15 without DHT, JPG and DAC, which are between
 * them.
 */
export function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** Whether a marker is a stand-alone marker, without a length: TEM and RST0 to RST7. */
export function isStandalone(marker: number | undefined): boolean {
  return marker !== undefined && (marker >= 0xd0 && marker <= 0xd7 || marker === 0x01);
}

/**
 * Yields the segments after SOI, up to and including the first SOS. Stops where a JPEG is corrupt.
 */
export function* segments(jpeg: Jpeg): Generator<Segment> {
  if (jpeg[0] !== 0xff || jpeg[1] !== 0xd8) return;
  let start = 2;
  while (start + 4 <= jpeg.length && jpeg[start] === 0xff) {
    const marker = jpeg[start + 1]!;
    if (marker === 0xff) {
      start++; // any number of FF bytes may precede a marker
      continue;
    }
    if (isStandalone(marker)) {
      start += 2;
      continue;
    }
    const length = jpeg[start + 2]! << 8 | jpeg[start + 3]!;
    const end = start + 2 + length;
    if (length < 2 || end > jpeg.length) return;
    yield { marker, start, end };
    if (marker === 0xda) return;
    start = end;
  }
}

/**
 * Returns the size in a JPEG's frame header (ITU-T T.81, B.2.2); undefined if it has no valid one.
 *
 * @param header The segments of `jpeg`, if they have been read already.
 */
export function sizeOf(jpeg: Jpeg, header: Iterable<Segment> = segments(jpeg)): Size | undefined {
  for (const { marker, start, end } of header) {
    if (!isFrameHeader(marker) || end - start < 9) continue;
    const height = jpeg[start + 5]! << 8 | jpeg[start + 6]!;
    const width = jpeg[start + 7]! << 8 | jpeg[start + 8]!;
    return width > 0 && height > 0 ? { width, height } : undefined;
  }
}
