import type { Jpeg } from "../frame.ts";
import { segments } from "../jpeg/segments.ts";
import { ZIGZAG } from "./zigzag.ts";

/** Largest step of a baseline JPEG. */
const MAX_STEP = 255;
/** The best quality, and that of most encoders. */
const MAX_QUALITY = 100, DEFAULT_QUALITY = 75;
const DQT = 0xdb;

/** The table for the luminance at quality 50, row by row (ITU-T T.81, K.1). */
const LUMINANCE = Uint8Array.fromHex(
  "100b0a101828333d0c0c0e131a3a3c370e0d1018283945380e11161d3357503e" +
    "12162538446d674d182337405168715c31404e5767797865485c5f6270646763",
);

/** The 4 x 4 steps of lowest frequency of the table for colour; all others are {@link OTHERS}. */
const COLOUR = Uint8Array.fromHex("1112182f12151a42181a38632f426363");
const OTHERS = 99;

/**
 * Returns the quantization table of libjpeg for a quality from 1 to 100, in zigzag order.
 *
 * @param isColour Whether it is for colour, not for luminance.
 */
export function tableOf(quality: number, isColour: boolean): Uint16Array {
  const percent = quality < 50 ? Math.trunc(5000 / quality) : 200 - 2 * quality;
  return Uint16Array.from(ZIGZAG, (at) => {
    const step = isColour ? colourAt(at & 7, at >> 3) : LUMINANCE[at]!;
    return Math.max(1, Math.min(Math.trunc((step * percent + 50) / 100), MAX_STEP));
  });
}

function colourAt(x: number, y: number): number {
  return x < 4 && y < 4 ? COLOUR[4 * y + x]! : OTHERS;
}

/** Returns a quantization table that is as coarse as both: a picture does not become better. */
export function coarser(source: Uint16Array, wanted: Uint16Array): Uint16Array {
  return source.map((step, k) => Math.max(step, wanted[k]!));
}

/**
 * Number of steps, of the lowest frequencies, that are compared. Encoders other than libjpeg have
 * tables of another shape; the low frequencies make most of a smaller picture.
 */
const COMPARED = 28;

/** Sums of the tables for luminance, by quality from 1 to 100. */
let sums: readonly number[] | undefined;

/**
 * Estimates the quality of a JPEG: that whose table for luminance is as coarse as the JPEG's at low
 * frequencies.
 *
 * @returns From 1 to 100; 75 for a JPEG without tables.
 */
export function estimateQuality(jpeg: Jpeg): number {
  const steps = firstTable(jpeg);
  if (!steps) return DEFAULT_QUALITY;
  sums ??= Array.from({ length: MAX_QUALITY }, (_, i) => sumOf(tableOf(i + 1, false)));
  const sum = sumOf(steps);
  const better = sums.findIndex((other) => other <= sum);
  return better === -1 ? MAX_QUALITY : better + 1;
}

function sumOf(steps: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < COMPARED; k++) sum += steps[k]!;
  return sum;
}

/** Returns the steps of a JPEG's first quantization table. */
function firstTable(jpeg: Jpeg): readonly number[] | undefined {
  for (const { marker, start, end } of segments(jpeg)) {
    if (marker !== DQT) continue;
    const isWide = jpeg[start + 4]! >> 4 !== 0, width = isWide ? 2 : 1;
    if (end - start < 5 + 64 * width) return undefined;
    return Array.from({ length: 64 }, (_, k) => {
      const at = start + 5 + k * width;
      return isWide ? jpeg[at]! << 8 | jpeg[at + 1]! : jpeg[at]!;
    });
  }
}
