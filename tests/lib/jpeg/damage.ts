import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { type Segment, segments } from "../../../lib/jpeg/segments.ts";
import type { Random } from "../../random.ts";
import { EOI, join, SOI } from "./sample_jpegs.ts";

/** Marker of a scan header. */
export const SOS = 0xda;
const DQT = 0xdb;

/** Inserts bytes before the first segment with this marker. */
export function insertBefore(jpeg: Jpeg, marker: number, added: Uint8Array): Jpeg {
  const { start } = find(jpeg, marker);
  return join(jpeg.subarray(0, start), added, jpeg.subarray(start));
}

/** Adds `by` to the length of the first segment with this marker. */
export function changeLength(jpeg: Jpeg, marker: number, by: number): Jpeg {
  return withLength(jpeg, find(jpeg, marker), by);
}

/** Removes EOI. */
export function withoutEoi(jpeg: Jpeg): Jpeg {
  return jpeg.slice(0, -EOI.length);
}

/** Damages an image in a way that does not lose picture data: the splitter repairs it. */
export function damageLightly(random: Random, jpeg: Jpeg): Jpeg {
  const [first, ...others] = [...segments(jpeg)];
  const { start } = random.of(others);
  const table = random.of([first!, ...others.filter(({ marker }) => marker !== SOS)]);
  switch (random.integer(0, 4)) {
    case 0:
      return join(
        jpeg.subarray(0, start),
        new Uint8Array(random.integer(1, 2_000)),
        jpeg.subarray(start),
      );
    case 1:
      return join(jpeg.subarray(0, start), stray(random), jpeg.subarray(start));
    case 2:
      return withLength(jpeg, table, random.of([-3, -2, -1, 1, 2, 3]));
    case 3:
      return join(
        jpeg,
        random.of([new Uint8Array(random.integer(1, 500)), new TextEncoder().encode("\r\n  \n")]),
      );
    default:
      return join(...Array(random.integer(1, 3)).fill(SOI), jpeg);
  }
}

/**
 * Damages an image so that picture data are lost: cuts it, or changes or removes one of the
 * segments from DQT on. A cut in an earlier segment is left out: there, the next image may happen
 * to continue the segment.
 */
export function damageBadly(random: Random, jpeg: Jpeg): Bytes {
  const header = [...segments(jpeg)];
  const parts = header.slice(header.findIndex(({ marker }) => marker === DQT));
  const { start, end } = random.of(parts);
  const damaged = jpeg.slice();
  switch (random.integer(0, 5)) {
    case 0:
      return jpeg.slice(0, random.integer(parts[0]!.start, jpeg.length - 1));
    case 1:
      return jpeg.slice(random.integer(1, jpeg.length - 1));
    case 2:
      return jpeg.slice(0, random.integer(start, end));
    case 3:
      damaged[start + random.integer(0, 1)] = random.integer(0, 255);
      return damaged;
    case 4:
      damaged[start + 2] = random.integer(0, 255);
      damaged[start + 3] = random.integer(0, 255);
      return damaged;
    default:
      return join(jpeg.subarray(0, start), jpeg.subarray(end));
  }
}

function find(jpeg: Jpeg, marker: number): Segment {
  return [...segments(jpeg)].find((segment) => segment.marker === marker)!;
}

function withLength(jpeg: Jpeg, { start, end }: Segment, by: number): Jpeg {
  const changed = jpeg.slice();
  const length = end - start - 2 + by;
  changed.set([length >> 8, length & 0xff], start + 2);
  return changed;
}

/** Returns random bytes without markers: an FF is followed by 00. */
function stray(random: Random): Bytes {
  const values = Array.from({ length: random.integer(1, 300) }, () => random.integer(0, 255));
  return Uint8Array.from(values.flatMap((value) => value === 0xff ? [0xff, 0x00] : [value]));
}
