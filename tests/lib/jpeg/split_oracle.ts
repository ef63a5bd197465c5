/** An image, and the number of input bytes in it: fewer where EOI was appended. */
export interface OracleImage {
  readonly image: Uint8Array;
  readonly taken: number;
}

/**
 * Finds the images in complete input: a simple implementation of ITU-T T.81, annex B, byte by byte,
 * and of the repairs that `splitJpegs` documents.
 *
 * After a broken image, the search continues after the start of the segment that is broken. An
 * image that is larger than `maxFrame` is broken, too.
 */
export function imagesIn(input: Uint8Array, maxFrame: number): OracleImage[] {
  const bytes = input.slice(); // headers are repaired in place
  const images: OracleImage[] = [];
  const eoi: EoiHistory = { sent: false, missing: 0 };
  let at = 0;
  while (at + 2 < bytes.length) {
    if (!isImageStart(bytes, at)) {
      at++;
      continue;
    }
    const walked = walk(bytes, at, maxFrame, eoi);
    if (walked === "the bytes end") break;
    if (walked.end !== undefined) {
      const image = bytes.slice(at, walked.end);
      const complete = eoi.sent ? image : Uint8Array.of(...image, 0xff, 0xd9);
      images.push({ image: complete, taken: image.length });
    }
    at = walked.next;
  }
  return images;
}

/** Whether a camera sends EOI, and the number of images without it that may be complete. */
interface EoiHistory {
  sent: boolean;
  missing: number;
}

type Walked = "the bytes end" | { end?: number; next: number };

function walk(bytes: Uint8Array, soi: number, maxFrame: number, eoi: EoiHistory): Walked {
  const broken = (next: number) => ({ next });
  let frameHeader = -1;
  let scan = -1; // start of the first scan's data
  let inScan = false;
  let repaired = false;
  let segment = soi;
  let at = soi + 2;
  for (;;) {
    if (at > soi + maxFrame) return broken(segment + 2);
    const hasEnded = at + 1 >= bytes.length ||
      inScan && bytes[at + 1] === 0xd8 && at + 2 >= bytes.length;
    if (hasEnded && !(inScan && lacksEoi(eoi))) return "the bytes end";
    if (inScan && !eoi.sent && (hasEnded || bytes[at] === 0xff && bytes[at + 1] === 0xd8)) {
      const end = bytes[at + 1] === 0xd8 ? at : bytes.length;
      const isCandidate = (hasEnded || isImageStart(bytes, at)) && end - soi <= maxFrame &&
        end - scan >= minimumScan(bytes, frameHeader);
      if (isCandidate && !hasEnded) eoi.missing++;
      const padded = endWithoutPadding(bytes, end);
      const isImage = isCandidate && lacksEoi(eoi) && padded - soi + 2 <= maxFrame;
      return { next: end, end: isImage ? padded : undefined };
    }
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || marker === 0x00) {
      const next = scan === -1 ? nextSegment(bytes, segment, at) : undefined;
      if (next === "the bytes end") return next;
      if (next === undefined) return broken(segment + 2);
      at = next;
      repaired = true;
    } else if (marker === 0xff) at++; // fill byte, B.1.1.2
    else if (marker === 0xd8) return broken(at);
    else if (marker === 0xd9) {
      if (scan === -1) return broken(at + 2);
      if (at + 2 - soi > maxFrame) return broken(segment + 2);
      eoi.sent = true;
      return { end: at + 2, next: at + 2 };
    } else if (standsAlone(marker)) {
      segment = at;
      at += 2;
    } else {
      segment = at;
      inScan = false;
      if (at + 3 >= bytes.length) return "the bytes end";
      if (lengthAt(bytes, segment) < 2) {
        if (scan !== -1 || !isFree(marker)) return broken(segment + 2);
        bytes.set([0, 2], segment + 2);
      }
      at += 2 + lengthAt(bytes, segment);
      if (SOF.has(marker) && frameHeader === -1) frameHeader = segment;
      if (marker !== SOS) continue;
      if (frameHeader === -1) return broken(segment + 2);
      if (at + 1 >= bytes.length) return "the bytes end";
      for (let n = segment + 2; n < at; n++) {
        if (isImageStart(bytes, n)) return broken(segment + 2);
      }
      if (scan === -1 && repaired && !hasTables(bytes.subarray(soi, at))) {
        return broken(segment + 2);
      }
      if (scan === -1) scan = at;
      inScan = true;
      at = endOfScan(bytes, at);
    }
  }
}

const DHT = 0xc4, SOS = 0xda, DQT = 0xdb, DRI = 0xdd;
const SOF = new Set([
  ...[0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7],
  ...[0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf],
]);

/** TEM and RSTn, table B.1. */
function standsAlone(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
}

/** APPn and COM, table B.1. */
function isFree(marker: number): boolean {
  return (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe;
}

function isImageStart(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xff && bytes[at + 1] === 0xd8 && bytes[at + 2] === 0xff;
}

function lengthAt(bytes: Uint8Array, segment: number): number {
  return bytes[segment + 2]! * 256 + bytes[segment + 3]!;
}

/** Returns where the marker begins that ends the data of a scan. */
function endOfScan(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length) {
    const next = bytes[at + 1];
    const isMarker = bytes[at] === 0xff && next !== undefined && next !== 0x00 && next !== 0xff &&
      !standsAlone(next);
    if (isMarker) break;
    at += bytes[at] === 0xff && next !== 0xff ? 2 : 1;
  }
  return at;
}

function lacksEoi({ sent, missing }: EoiHistory): boolean {
  return !sent && missing >= 2;
}

/** The smallest size of the data of an image's scans: two bits for each block of the brightness. */
function minimumScan(bytes: Uint8Array, sof: number): number {
  const kind = bytes[sof + 1]!;
  if (kind !== 0xc0 && kind !== 0xc1) return 1;
  const height = lengthAt(bytes, sof + 3), width = lengthAt(bytes, sof + 5);
  return Math.max(1, Math.ceil(height / 8) * Math.ceil(width / 8) / 4);
}

/** Returns the end of an image whose padding of zeros is cut to 16. */
function endWithoutPadding(bytes: Uint8Array, end: number): number {
  let last = end;
  while (bytes[last - 1] === 0) last--;
  return Math.min(end, last + 16);
}

/** Finds the segment after damage at `end`, and repairs the header before it. */
function nextSegment(bytes: Uint8Array, segment: number, end: number) {
  const marker = bytes[segment + 1]!;
  if (!mayRepair(marker)) return;
  for (let at = segment + 2; at < end; at++) if (isImageStart(bytes, at)) return;
  const isRight = !isFree(marker) && hasContentOf(marker, bytes.subarray(segment + 4, end));
  for (let at = segment + 4; at <= end + 65_536; at++) {
    if (at + 1 >= bytes.length) return "the bytes end" as const;
    if (bytes[at] !== 0xff || isRight && at < end) continue;
    if (at >= end) {
      if (bytes[at + 1] === 0xd8 && at + 2 >= bytes.length) return "the bytes end" as const;
      if (bytes[at + 1] === 0xd9 || isImageStart(bytes, at)) return;
    }
    const isCorrectable = hasContentOf(marker, bytes.subarray(segment + 4, at));
    if (!isRight && !isFree(marker) && !isCorrectable) continue;
    const follows = mayFollow(bytes, at);
    if (follows === "the bytes end") return follows;
    if (!follows) continue;
    if (at >= end && (isRight || isFree(marker))) bytes.fill(0xff, end, at);
    else bytes.set([(at - segment - 2) >> 8, (at - segment - 2) & 0xff], segment + 2);
    return at;
  }
}

function mayFollow(bytes: Uint8Array, at: number): boolean | "the bytes end" {
  const marker = bytes[at + 1]!;
  if (!mayRepair(marker)) return false;
  if (at + 3 >= bytes.length) return "the bytes end";
  const end = at + 2 + lengthAt(bytes, at);
  if (end < at + 4) return false;
  if (isFree(marker)) {
    if (end + 1 >= bytes.length) return "the bytes end";
    return bytes[end] === 0xff && (bytes[end + 1] === 0xff || mayRepair(bytes[end + 1]!));
  }
  if (end > bytes.length) return "the bytes end";
  return hasContentOf(marker, bytes.subarray(at + 4, end));
}

function mayRepair(marker: number): boolean {
  return [DHT, SOS, DQT, DRI].includes(marker) || SOF.has(marker) || isFree(marker);
}

/** Whether the content of a segment is as long as its own numbers require. */
function hasContentOf(marker: number, content: Uint8Array): boolean {
  if (content.length === 0 || content.length > 65_533) return false;
  if (marker === DRI) return content.length === 2;
  if (marker === SOS) {
    return [1, 2, 3, 4].includes(content[0]!) && content.length === 2 * content[0]! + 4;
  }
  if (SOF.has(marker)) return content[5]! > 0 && content.length === 3 * content[5]! + 6;
  let rest = content;
  while (rest.length > 0) {
    const high = rest[0]! >> 4, low = rest[0]! & 15;
    if (high > 1 || low > 3) return false;
    const codes = rest.slice(1, 17).reduce((sum, count) => sum + count, 0);
    if (marker === DHT && (rest.length < 17 || codes < 1 || codes > 256)) return false;
    const length = marker === DHT ? 17 + codes : high === 1 ? 129 : 65;
    if (length > rest.length) return false;
    rest = rest.subarray(length);
  }
  return true;
}

/** Whether each table that the components of a header name has been defined in it. */
function hasTables(header: Uint8Array): boolean {
  const defined: string[] = [], named: string[] = [];
  let huffman = false;
  for (let at = 2; at < header.length;) {
    const marker = header[at + 1]!;
    if (marker === 0xff) at++;
    else if (standsAlone(marker)) at += 2;
    else {
      const end = at + 2 + lengthAt(header, at);
      let rest = header.subarray(at + 4, end);
      if (SOF.has(marker)) {
        huffman = marker <= 0xc1;
        for (let n = 6; n < rest.length; n += 3) named.push(`Q${rest[n + 2]}`);
      }
      if (marker === SOS) {
        for (let n = 1; n < rest.length - 3; n += 2) {
          named.push(`H${rest[n + 1]! >> 4}`, `H${(rest[n + 1]! & 15) + 16}`);
        }
      }
      while ([DQT, DHT].includes(marker) && rest.length > 0) {
        const codes = rest.slice(1, 17).reduce((sum, count) => sum + count, 0);
        const valid = rest.length >= 17 && rest[0]! <= 31 && (rest[0]! & 15) <= 3 && codes > 0 &&
          codes <= 256;
        defined.push(marker === DQT ? `Q${rest[0]! & 15}` : `H${rest[0]}`);
        const length = marker === DQT ? rest[0]! < 16 ? 65 : 129 : valid ? 17 + codes : rest.length;
        rest = rest.subarray(length);
      }
      at = end;
    }
  }
  const isNeeded = (table: string) =>
    table.startsWith("Q") || huffman && defined.some((name) => name.startsWith("H"));
  return named.every((table) => !isNeeded(table) || defined.includes(table));
}
