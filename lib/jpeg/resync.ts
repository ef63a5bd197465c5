import type { Bytes } from "../bytes.ts";
import { isFrameHeader, segments } from "./segments.ts";

/** Maximum number of stray bytes between two segments. */
const MAX_STRAY = 65_536;
const DHT = 0xc4, SOS = 0xda, DQT = 0xdb, DRI = 0xdd, COM = 0xfe;

/**
 * Finds the next segment of a header after a segment that no marker follows: its length is wrong,
 * or stray bytes follow it. Repairs the header in place, so that every decoder reads it: corrects
 * the length, or overwrites the stray bytes with fill bytes (FF), which may precede any marker
 * (ITU-T T.81, B.1.1.2).
 *
 * A segment that may follow is a table, a frame header or a scan header whose content fits its
 * length, or an APPn or COM segment that leads to another such marker. An SOI or EOI before it
 * means that the image is incomplete.
 *
 * @param segment Start of the segment before the damage.
 * @param end End of that segment by its length.
 * @returns The start of the next segment, "more" if more bytes are needed, undefined if no such
 * segment exists.
 */
export function resynchronize(
  bytes: Bytes,
  segment: number,
  end: number,
): number | "more" | undefined {
  if (!isKnown(bytes[segment + 1]!) || hasSoi(bytes, segment + 2, end)) return;
  const hasArbitraryContent = isApplicationData(bytes[segment + 1]!);
  const isLengthRight = !hasArbitraryContent && isConsistent(bytes, segment, end);
  const first = isLengthRight ? end : segment + 4;
  for (
    let at = bytes.indexOf(0xff, first);
    at <= end + MAX_STRAY;
    at = bytes.indexOf(0xff, at + 1)
  ) {
    if (at === -1) return bytes.length <= end + MAX_STRAY ? "more" : undefined;
    const found = at >= end && isEndOfImage(bytes, at);
    if (found === "more") return "more";
    if (found) return;
    const fits = isLengthRight || hasArbitraryContent || isConsistent(bytes, segment, at);
    const follows = fits && maySegmentFollow(bytes, at);
    if (follows === "more") return "more";
    if (!follows) continue;
    if (at >= end && (isLengthRight || hasArbitraryContent)) bytes.fill(0xff, end, at);
    else writeLength(bytes, segment, at - segment - 2);
    return at;
  }
}

/** Whether an SOI with the FF of the next marker begins between `from` and `to`. */
export function hasSoi(bytes: Bytes, from: number, to: number): boolean {
  for (let at = bytes.indexOf(0xff, from); at !== -1 && at < to; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === 0xd8 && bytes[at + 2] === 0xff) return true;
  }
  return false;
}

/** Whether an FF begins EOI or the SOI of the next image. */
function isEndOfImage(bytes: Bytes, at: number): boolean | "more" {
  const marker = bytes[at + 1];
  if (marker === 0xd8 && bytes[at + 2] !== undefined) return bytes[at + 2] === 0xff;
  return marker === undefined || marker === 0xd8 ? "more" : marker === 0xd9;
}

/** Whether a segment that begins at an FF may follow another one in a header. */
function maySegmentFollow(bytes: Bytes, at: number): boolean | "more" {
  const marker = bytes[at + 1];
  if (marker !== undefined && !isKnown(marker)) return false;
  if (marker === undefined || at + 3 >= bytes.length) return "more";
  const length = bytes[at + 2]! << 8 | bytes[at + 3]!;
  if (length < 2) return false;
  const end = at + 2 + length;
  if (!isApplicationData(marker)) {
    return end > bytes.length ? "more" : isConsistent(bytes, at, end);
  }
  if (end + 1 >= bytes.length) return "more";
  return bytes[end] === 0xff && (bytes[end + 1] === 0xff || isKnown(bytes[end + 1]!));
}

/** Whether a segment with this marker may be repaired, and may follow a repair. */
function isKnown(marker: number): boolean {
  return isApplicationData(marker) || isFrameHeader(marker) || marker === DHT ||
    marker === SOS || marker === DQT || marker === DRI;
}

/** Whether a marker is APPn or COM: the content is arbitrary, and decoders do not need it. */
export function isApplicationData(marker: number): boolean {
  return marker >= 0xe0 && marker <= 0xef || marker === COM;
}

/** Whether the content of a table, a frame header or a scan header ends exactly at `end`. */
function isConsistent(bytes: Bytes, segment: number, end: number): boolean {
  const marker = bytes[segment + 1]!;
  let at = segment + 4;
  if (at >= end || end - segment - 2 > 0xffff) return false;
  if (marker === DRI) return end - at === 2;
  if (marker === SOS) return end - at === 4 + 2 * bytes[at]! && bytes[at]! >= 1 && bytes[at]! <= 4;
  if (isFrameHeader(marker)) return end - at === 6 + 3 * bytes[at + 5]! && bytes[at + 5]! >= 1;
  while (at < end) {
    const length = marker === DQT ? quantizationTable(bytes, at) : huffmanTable(bytes, at, end);
    if (length === undefined) return false;
    at += length;
  }
  return at === end;
}

/** Returns the length of a quantization table (ITU-T T.81, B.2.4.1); undefined if it is invalid. */
function quantizationTable(bytes: Bytes, at: number): number | undefined {
  const precision = bytes[at]! >> 4, destination = bytes[at]! & 0x0f;
  return precision <= 1 && destination <= 3 ? 1 + 64 * (precision + 1) : undefined;
}

/** Returns the length of a Huffman table (ITU-T T.81, B.2.4.2); undefined if it is invalid. */
function huffmanTable(bytes: Bytes, at: number, end: number): number | undefined {
  if (at + 17 > end || bytes[at]! >> 4 > 1 || (bytes[at]! & 0x0f) > 3) return;
  let codes = 0;
  for (let length = 1; length <= 16; length++) codes += bytes[at + length]!;
  return codes >= 1 && codes <= 256 ? 17 + codes : undefined;
}

/**
 * Whether the tables to which the frame header and the first scan refer are defined. An image may
 * have no Huffman tables at all: it then uses the standard tables.
 *
 * @param header The image up to the end of its first scan header.
 */
export function hasTables(header: Bytes): boolean {
  const quantization = new Set<number>(), huffman = new Set<number>();
  const neededQuantization: number[] = [], neededHuffman: number[] = [];
  let isSequential = false;
  for (const { marker, start, end } of segments(header)) {
    const content = start + 4;
    if (marker === DQT) {
      for (let at = content; at < end; at += header[at]! >> 4 === 0 ? 65 : 129) {
        quantization.add(header[at]! & 0x0f);
      }
    } else if (marker === DHT) {
      for (let at = content, length; at < end; at += length) {
        huffman.add(header[at]!);
        length = huffmanTable(header, at, end) ?? end - at;
      }
    } else if (isFrameHeader(marker)) {
      isSequential = marker === 0xc0 || marker === 0xc1;
      for (let at = content + 6; at < end; at += 3) neededQuantization.push(header[at + 2]!);
    } else if (marker === SOS) {
      for (let at = content + 1; at < end - 3; at += 2) {
        neededHuffman.push(header[at + 1]! >> 4, 0x10 | header[at + 1]! & 0x0f);
      }
    }
  }
  return neededQuantization.every((table) => quantization.has(table)) &&
    (!isSequential || huffman.size === 0 || neededHuffman.every((table) => huffman.has(table)));
}

function writeLength(bytes: Bytes, segment: number, length: number): void {
  bytes[segment + 2] = length >> 8;
  bytes[segment + 3] = length & 0xff;
}
