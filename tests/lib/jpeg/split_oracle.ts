/**
 * The images in `bytes`, all of which lie before us: a plain reading of ITU-T T.81, annex B, byte by byte.
 *
 * Where an image breaks, the next one is looked for behind the beginning of the segment that broke it. It
 * breaks, too, where it is larger than `maxFrame`.
 */
export function imagesIn(bytes: Uint8Array, maxFrame: number): Uint8Array[] {
  const images: Uint8Array[] = [];
  let at = 0;
  while (at + 2 < bytes.length) {
    if (bytes[at] !== 0xff || bytes[at + 1] !== 0xd8 || bytes[at + 2] !== 0xff) {
      at++;
      continue;
    }
    const walked = walk(bytes, at, maxFrame);
    if (walked === "the bytes end") break;
    if (walked.whole) images.push(bytes.slice(at, walked.next));
    at = walked.next;
  }
  return images;
}

type Walked = "the bytes end" | { whole: boolean; next: number };

function walk(bytes: Uint8Array, soi: number, maxFrame: number): Walked {
  const broken = (next: number) => ({ whole: false, next });
  let frameHeader = false;
  let scanned = false;
  let segment = soi;
  let at = soi + 2;
  for (;;) {
    if (at > soi + maxFrame) return broken(segment + 2);
    if (at + 1 >= bytes.length) return "the bytes end";
    if (bytes[at] !== 0xff) return broken(segment + 2);
    const marker = bytes[at + 1]!;
    if (marker === 0xff) at++; // fill byte, B.1.1.2
    else if (marker === 0x00) return broken(segment + 2);
    else if (marker === 0xd8) return broken(at);
    else if (marker === 0xd9) {
      if (!scanned) return broken(at + 2);
      return at + 2 - soi > maxFrame ? broken(segment + 2) : { whole: true, next: at + 2 };
    } else if (standsAlone(marker)) {
      segment = at;
      at += 2;
    } else {
      segment = at;
      if (at + 3 >= bytes.length) return "the bytes end";
      const length = bytes[at + 2]! * 256 + bytes[at + 3]!;
      if (length < 2) return broken(segment + 2);
      at += 2 + length;
      if (SOF.has(marker)) frameHeader = true;
      if (marker !== SOS) continue;
      if (!frameHeader) return broken(segment + 2);
      scanned = true;
      at = endOfScan(bytes, at);
    }
  }
}

const SOS = 0xda;
const SOF = new Set([
  ...[0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7],
  ...[0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf],
]);

/** TEM and RSTn, table B.1. */
function standsAlone(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
}

/** Where the marker begins that ends the data of a scan. */
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
