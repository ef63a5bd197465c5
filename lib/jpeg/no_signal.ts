import type { Jpeg } from "../frame.ts";
import { BlockPicture } from "./block_picture.ts";
import { glyph, GLYPH_HEIGHT, GLYPH_WIDTH } from "./font.ts";
import type { Size } from "./segments.ts";

/** Greys from 0 to 255. */
const BACKGROUND = 24, CORNER = 64, TITLE = 216, TEXT = 136;
/** The title as one line, or as two where it is too wide for that. */
const TITLES = [["NO SIGNAL"], ["NO", "SIGNAL"]];
/** How far apart letters and lines are, in points. */
const LETTER_GAP = 1, TITLE_GAP = 2, TEXT_GAP = 3;

/** A line of text, in blocks. */
interface Line {
  readonly text: string;
  readonly grey: number;
  /** How wide and high a point is. */
  readonly scale: number;
  /** How many rows stay free between it and the line above. */
  readonly gap: number;
}

/**
 * Draws what viewers see while a camera gives no pictures, in the size of those. Keep it if it is to be
 * sent again: it takes about a millisecond at 1280x720.
 *
 * @param lines Why there is no picture: written smaller below the title, as far as there is room.
 * @throws {RangeError} If a JPEG cannot have that size.
 */
export function noSignalJpeg(size: Size, lines: readonly string[] = []): Jpeg {
  const picture = new BlockPicture(size, BACKGROUND);
  const { columns, rows } = picture;
  const margin = Math.max(2, Math.floor(columns / 16));
  const room = { width: columns - 2 * margin, height: Math.floor(rows * 3 / 4) };
  const title = titleFor(room);
  if (title.length === 0) drawCross(picture);
  else {
    drawCorners(picture);
    drawLines(picture, [...title, ...textBelow(title, lines, room)]);
  }
  return picture.encode();
}

/** The title as large as it fits; nothing if it does not fit at all. */
function titleFor(room: Size): Line[] {
  for (const texts of TITLES) {
    const width = Math.max(...texts.map(pointsOf));
    const height = texts.length * (GLYPH_HEIGHT + TITLE_GAP) - TITLE_GAP;
    const scale = Math.floor(Math.min(room.width / width, room.height / height));
    const gap = TITLE_GAP * scale;
    if (scale >= 1) return texts.map((text) => ({ text, grey: TITLE, scale, gap }));
  }
  return [];
}

/** The lines below a title for which there is room. */
function textBelow(title: readonly Line[], lines: readonly string[], room: Size): Line[] {
  const titleScale = title[0]!.scale;
  const scale = Math.max(1, titleScale >> 1);
  const letters = Math.floor((room.width / scale + LETTER_GAP) / (GLYPH_WIDTH + LETTER_GAP));
  const pieces = lines.flatMap((line) => wrap(line, letters));
  const text = pieces.map((piece, index) => {
    const gap = TEXT_GAP * (index === 0 ? titleScale : scale);
    return { text: piece, grey: TEXT, scale, gap };
  });
  while (text.length > 0 && heightOf([...title, ...text]) > room.height) text.pop();
  return text;
}

/** Cuts a text into lines between words; a word that is longer than a line is cut, too. */
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
  let left = (picture.columns - pointsOf(text) * scale) >> 1;
  for (const letter of text) {
    glyph(letter).forEach((points, y) => {
      for (let x = points.indexOf("#"); x !== -1; x = points.indexOf("#", x + 1)) {
        picture.fill(left + x * scale, top + y * scale, scale, scale, grey);
      }
    });
    left += (GLYPH_WIDTH + LETTER_GAP) * scale;
  }
}

/** Marks the corners, as a viewfinder does. */
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

/** Draws a crossed-out square in the middle, for a picture in which there is no room for letters. */
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

/** How many points wide a text is. */
function pointsOf(text: string): number {
  return [...text].length * (GLYPH_WIDTH + LETTER_GAP) - LETTER_GAP;
}

/** How many rows of blocks lines take. */
function heightOf(lines: readonly Line[]): number {
  return lines.reduce((height, { scale, gap }, index) => {
    return height + GLYPH_HEIGHT * scale + (index > 0 ? gap : 0);
  }, 0);
}
