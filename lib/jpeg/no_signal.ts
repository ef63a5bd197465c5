import type { Jpeg } from "../frame.ts";
import { BlockPicture } from "./block_picture.ts";
import { glyph, GLYPH_HEIGHT, GLYPH_WIDTH } from "./font.ts";
import type { Size } from "./segments.ts";

/** Grey levels from 0 to 255. */
const BACKGROUND = 24, CORNER = 64, TITLE = 216, TEXT = 136;
/** The title on one line, or on two if it is too wide. */
const TITLES = [["NO SIGNAL"], ["NO", "SIGNAL"]];
/** Space between letters and between lines, in dots of the font. */
const LETTER_GAP = 1, TITLE_GAP = 2, TEXT_GAP = 3;

/** A line of text, in blocks. */
interface Line {
  readonly text: string;
  readonly grey: number;
  /** Width and height of a dot of the font. */
  readonly scale: number;
  /** Empty rows between this line and the one above. */
  readonly gap: number;
}

/**
 * Draws the "no signal" picture that viewers see while a camera delivers no frames. It takes about
 * a millisecond at 1280x720, so cache it if it is sent repeatedly.
 *
 * @param size The size of the camera's frames.
 * @param lines The reason, written below the title in smaller letters as far as there is space.
 * @throws {RangeError} If a JPEG cannot have that size.
 */
export function noSignalJpeg(size: Size, lines: readonly string[] = []): Jpeg {
  const picture = new BlockPicture(size, BACKGROUND);
  const { columns, rows } = picture;
  const margin = Math.max(2, Math.floor(columns / 16));
  const space = { width: columns - 2 * margin, height: Math.floor(rows * 3 / 4) };
  const title = titleFor(space);
  if (title.length === 0) drawCross(picture);
  else {
    drawCorners(picture);
    drawLines(picture, [...title, ...textBelow(title, lines, space)]);
  }
  return picture.encode();
}

/** Lays out the title as large as possible; returns no line if there is no space. */
function titleFor(space: Size): Line[] {
  for (const texts of TITLES) {
    const width = Math.max(...texts.map(widthOf));
    const height = texts.length * (GLYPH_HEIGHT + TITLE_GAP) - TITLE_GAP;
    const scale = Math.floor(Math.min(space.width / width, space.height / height));
    const gap = TITLE_GAP * scale;
    if (scale >= 1) return texts.map((text) => ({ text, grey: TITLE, scale, gap }));
  }
  return [];
}

/** Lays out the lines below the title as far as there is space. */
function textBelow(title: readonly Line[], lines: readonly string[], space: Size): Line[] {
  const titleScale = title[0]!.scale;
  const scale = Math.max(1, titleScale >> 1);
  const letters = Math.floor((space.width / scale + LETTER_GAP) / (GLYPH_WIDTH + LETTER_GAP));
  const pieces = lines.flatMap((line) => wrap(capitalsOf(line), letters));
  const text = pieces.map((piece, index) => {
    const gap = TEXT_GAP * (index === 0 ? titleScale : scale);
    return { text: piece, grey: TEXT, scale, gap };
  });
  while (text.length > 0 && heightOf([...title, ...text]) > space.height) text.pop();
  return text;
}

/** Returns a text in capitals, with `?` for letters outside of ASCII. */
function capitalsOf(text: string): string {
  return text.toUpperCase().replaceAll(/[^\s!-~]/gu, "?");
}

/** Wraps a text at spaces, and inside words that are longer than a line. */
function wrap(text: string, letters: number): string[] {
  const line = new RegExp(`\\S.{0,${letters - 1}}(?!\\S)|\\S{${letters}}`, "gu");
  return (text.replaceAll(/\s+/g, " ").match(line) ?? []).map((piece) => piece.trim());
}

function drawLines(picture: BlockPicture, lines: readonly Line[]): void {
  let top = (picture.rows - heightOf(lines)) >> 1;
  lines.forEach((line, index) => {
    if (index > 0) top += line.gap;
    drawLine(picture, line, top);
    top += GLYPH_HEIGHT * line.scale;
  });
}

function drawLine(picture: BlockPicture, { text, grey, scale }: Line, top: number): void {
  let left = (picture.columns - widthOf(text) * scale) >> 1;
  for (const letter of text) {
    glyph(letter).forEach((dots, y) => {
      for (let x = dots.indexOf("#"); x !== -1; x = dots.indexOf("#", x + 1)) {
        picture.fill(left + x * scale, top + y * scale, scale, scale, grey);
      }
    });
    left += (GLYPH_WIDTH + LETTER_GAP) * scale;
  }
}

/** Draws the corner marks of a viewfinder. */
function drawCorners(picture: BlockPicture): void {
  const { columns, rows } = picture;
  const shorter = Math.min(columns, rows);
  const inset = Math.round(shorter / 30);
  const arm = Math.round(shorter / 8);
  const thick = Math.max(1, Math.round(shorter / 120));
  for (const [width, height] of [[arm, thick], [thick, arm]] as const) {
    for (const column of [inset, columns - inset - width]) {
      for (const row of [inset, rows - inset - height]) {
        picture.fill(column, row, width, height, CORNER);
      }
    }
  }
}

/** Draws a crossed-out square, for pictures that are too small for letters. */
function drawCross(picture: BlockPicture): void {
  const { columns, rows } = picture;
  const side = Math.max(1, Math.min(columns, rows) - 2);
  const left = (columns - side) >> 1;
  const top = (rows - side) >> 1;
  picture.fill(left, top, side, side, CORNER);
  picture.fill(left + 1, top + 1, side - 2, side - 2, BACKGROUND);
  for (let i = 0; i < side; i++) {
    picture.fill(left + i, top + i, 1, 1, TITLE);
    picture.fill(left + i, top + side - 1 - i, 1, 1, TITLE);
  }
}

/** Width of a text in dots of the font. */
function widthOf(text: string): number {
  return [...text].length * (GLYPH_WIDTH + LETTER_GAP) - LETTER_GAP;
}

/** Height of lines in rows of blocks. */
function heightOf(lines: readonly Line[]): number {
  return lines.reduce((height, { scale, gap }, index) => {
    return height + GLYPH_HEIGHT * scale + (index > 0 ? gap : 0);
  }, 0);
}
