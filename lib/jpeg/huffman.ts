import { HEADROOM, markHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { isFrameHeader, type Segment, segments } from "./segments.ts";
import { STANDARD_DHT } from "./tables.ts";

const DHT = 0xc4, SOS = 0xda;

/**
 * A JPEG with the standard Huffman tables in front of its data if it has none. Many UVC webcams leave
 * them out, which not every decoder forgives.
 *
 * @returns The same object if it needs no tables, or others than those: a progressive image, say.
 */
export function withHuffmanTables(jpeg: Jpeg): Jpeg {
  const scan = scanWithoutTables(jpeg);
  if (!scan) return jpeg;
  const length = jpeg.length + STANDARD_DHT.length;
  const whole = new Uint8Array(new ArrayBuffer(HEADROOM + length + HEADROOM), HEADROOM, length);
  whole.set(jpeg.subarray(0, scan.start));
  whole.set(STANDARD_DHT, scan.start);
  whole.set(jpeg.subarray(scan.start), scan.start + STANDARD_DHT.length);
  return markHeadroom(whole);
}

/** The first scan of a sequential image that has no table in front of it. */
function scanWithoutTables(jpeg: Jpeg): Segment | undefined {
  let sequential = false;
  for (const segment of segments(jpeg)) {
    const { marker } = segment;
    if (marker === DHT) return;
    if (marker === SOS) return sequential ? segment : undefined;
    if (isFrameHeader(marker)) sequential = marker === 0xc0 || marker === 0xc1;
  }
}
