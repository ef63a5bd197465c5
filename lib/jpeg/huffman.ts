import { HEADROOM, markHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { isFrameHeader, type Segment, segments } from "./segments.ts";
import { STANDARD_DHT } from "./tables.ts";

const DHT = 0xc4, SOS = 0xda;

/**
 * Inserts the standard Huffman tables into a JPEG that has none. Many UVC webcams omit them, and
 * not every decoder tolerates that.
 *
 * @param header The segments of `jpeg`, if they have been read already.
 * @returns The same object if it has tables, or if the standard tables do not fit (a progressive
 * image).
 */
export function withHuffmanTables(jpeg: Jpeg, header: Iterable<Segment> = segments(jpeg)): Jpeg {
  const scan = findScanWithoutTables(header);
  if (!scan) return jpeg;
  const length = jpeg.length + STANDARD_DHT.length;
  const whole = new Uint8Array(new ArrayBuffer(HEADROOM + length + HEADROOM), HEADROOM, length);
  whole.set(jpeg.subarray(0, scan.start));
  whole.set(STANDARD_DHT, scan.start);
  whole.set(jpeg.subarray(scan.start), scan.start + STANDARD_DHT.length);
  return markHeadroom(whole);
}

/** Returns the first scan of a sequential image, if no Huffman table precedes it. */
function findScanWithoutTables(header: Iterable<Segment>): Segment | undefined {
  let sequential = false;
  for (const segment of header) {
    const { marker } = segment;
    if (marker === DHT) return;
    if (marker === SOS) return sequential ? segment : undefined;
    if (isFrameHeader(marker)) sequential = marker === 0xc0 || marker === 0xc1;
  }
}
