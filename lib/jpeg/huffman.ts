import type { Jpeg } from "../frame.ts";
import { insertSegment } from "./insert_segment.ts";
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
  return scan ? insertSegment(jpeg, STANDARD_DHT, scan.start) : jpeg;
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
