import { charactersOf, glyph, GLYPH_HEIGHT, GLYPH_WIDTH } from "../jpeg/font.ts";
import type { Baseline } from "./baseline.ts";
import type { McuRectangle } from "./masked_mcus.ts";
import type { Overlay } from "./task.ts";

/** Height of a letter, as a part of the picture's. */
const LETTER_HEIGHT = 1 / 36;
/** Width of a letter with the gap behind it, in dots of the font. */
const ADVANCE = GLYPH_WIDTH + 1;
/** Levels of the letters and of the ground, as samples; letters on a mask have its level, 0. */
export const LETTER = 107, GROUND = -112;

/** A line of text as a picture of whole MCUs. */
export interface TextPicture {
  readonly area: McuRectangle;
  /** Number of samples in a line of the picture of the luminance. */
  readonly stride: number;
  /** Whether a sample is a letter's. */
  readonly dots: Uint8Array;
}

/**
 * Draws a text as large as fits the picture: letters become smaller down to half of their height, and
 * then the text is cut, with three dots at its end.
 *
 * @returns Undefined if there is no space for a letter.
 */
export function drawText(
  header: Baseline,
  text: string,
  place: Overlay["place"],
): TextPicture | undefined {
  const { mcusX, mcusY, mcuHeight } = header;
  const { h, v } = header.components[0]!;
  // Samples of the luminance: as many as pixels, unless the colours have more.
  const width = Math.ceil(header.width * h * 8 / header.mcuWidth);
  const height = Math.ceil(header.height * v * 8 / mcuHeight);
  const letters = charactersOf(text);
  const { scale, shown } = fit(letters, { width, height });
  // MCUs of 16 rows are often a little higher than the letters, which shall not need another row of them.
  const margin = v > 1 ? 1 : scale;
  const lineHeight = GLYPH_HEIGHT * scale + 2 * margin;
  if (shown.length === 0 || lineHeight > height) return undefined;
  const rows = Math.ceil(lineHeight / (v * 8));
  const textWidth = (shown.length * ADVANCE - 1) * scale;
  const columns = Math.min(mcusX, Math.ceil((textWidth + 2 * scale) / (h * 8)));
  const top = place === "top" ? 0 : Math.floor((height - lineHeight) / (v * 8));
  const bottom = place === "top" ? rows : mcusY;
  const area = { left: 0, top, right: columns, bottom };
  const stride = columns * h * 8;
  const dots = new Uint8Array(stride * (bottom - top) * v * 8);
  const visible = Math.min(height, bottom * v * 8) - top * v * 8;
  const y = Math.floor((visible - GLYPH_HEIGHT * scale) / 2);
  const x = Math.floor((Math.min(width, stride) - textWidth) / 2);
  shown.forEach((letter, i) => {
    drawLetter(dots, stride, letter, { x: x + i * ADVANCE * scale, y, scale });
  });
  return { area, stride, dots };
}

/** Chooses the size of the letters, and how many of them are shown. */
function fit(letters: string[], { width, height }: { width: number; height: number }) {
  const ideal = height * LETTER_HEIGHT / GLYPH_HEIGHT;
  // The size whose ratio to the ideal one is nearest to 1.
  const lower = Math.max(1, Math.floor(ideal));
  let scale = ideal > Math.sqrt(lower * (lower + 1)) ? lower + 1 : lower;
  const smallest = Math.ceil(scale / 2);
  const capacity = () => Math.floor((width / scale - 1) / ADVANCE);
  while (scale > smallest && letters.length > capacity()) scale--;
  const count = Math.max(0, capacity());
  if (letters.length <= count) return { scale, shown: letters };
  const dots = count > 3 ? 3 : 0;
  return { scale, shown: [...letters.slice(0, count - dots), ...Array(dots).fill(".")] };
}

function drawLetter(
  dots: Uint8Array,
  stride: number,
  letter: string,
  { x, y, scale }: { x: number; y: number; scale: number },
): void {
  glyph(letter).forEach((line, row) => {
    for (let column = 0; column < line.length; column++) {
      if (line[column] !== "#") continue;
      const left = x + column * scale;
      for (let dy = 0; dy < scale; dy++) {
        const start = (y + row * scale + dy) * stride + left;
        dots.fill(1, start, start + scale);
      }
    }
  });
}
