import { GLYPH_WIDTH, GLYPHS, MARKS, type Shape, SHORT_LETTERS } from "./glyphs.ts";

export { GLYPH_WIDTH };
/** Height of a letter in dots. */
export const GLYPH_HEIGHT = 7;

/** Letters, and behind each the ones with the same shape. */
const SAME_SHAPES = [
  ...["-\u2010\u2011‒–—―−", "'‘’‛′ʼ´", '"“”‟″', ",‚", "ˋ`", "^ˆ", "~˜", "<‹", ">›", "/⁄∕", "|¦"],
  ...["°º˚", "·∙⋅", "µμ", "ĐÐ", "ßẞ", "hħ", "HĦ"],
];
const sameShapes = new Map(
  SAME_SHAPES.flatMap(([letter = "", ...others]) => others.map((other) => [other, letter])),
);

/** The marks above and below letters, by their combining characters. */
const ABOVE = new Map([
  ...[["\u0301", "´"], ["\u0300", "ˋ"], ["\u0302", "^"], ["\u0303", "~"], ["\u030c", "ˇ"]] as const,
  ...[["\u0306", "˘"], ["\u030b", "˝"], ["\u0308", "¨"], ["\u0304", "¯"], ["\u0307", "˙"]] as const,
  ["\u030a", "˚"],
]);
const BELOW = new Map([["\u0327", "¸"], ["\u0326", "¸"], ["\u0328", "˛"]]);

/** A character with its combining marks; flags, and emoji that are joined, are one character. */
const CHARACTER =
  /\p{Regional_Indicator}{2}|.[\p{M}\p{Emoji_Modifier}]*(?:\u200d\p{Extended_Pictographic}[\p{M}\p{Emoji_Modifier}]*)*/gsu;

/** Splits a text into what has a {@link glyph}: characters with their marks, without invisible ones. */
export function charactersOf(text: string): string[] {
  const characters = text.normalize("NFC").match(CHARACTER) ?? [];
  return characters.filter((character) => !/^\p{DI}+$/u.test(character));
}

/**
 * Returns the shape of a letter: seven rows of at most five dots, or no row for a space. Letters have
 * their marks if there is space for them; unknown letters are shown as `?`.
 *
 * @param letter A character with its combining marks.
 */
export function glyph(letter: string): Shape {
  if (/^\p{Zs}$/u.test(letter)) return [];
  const visible = letter.replaceAll(/\p{DI}/gu, "").normalize("NFC");
  return shapeOf(visible) ?? composed(visible) ?? GLYPHS.get("?")!;
}

/** Returns the shape of a character that needs no composition. */
function shapeOf(letter: string): Shape | undefined {
  return GLYPHS.get(sameShapes.get(letter) ?? letter);
}

/** Composes a letter and its first mark; returns the letter alone if there is no space for a mark. */
function composed(letter: string): Shape | undefined {
  // Signs are not shown without their marks: ≠ would become =.
  if (!/^[\p{L}\p{N}]\p{M}*$/u.test(letter.normalize("NFD"))) return undefined;
  const [base = "", ...marks] = letter.normalize("NFD");
  const mark = marks.find((mark) => ABOVE.has(mark) || BELOW.has(mark));
  return (mark ? marked(base, mark) : undefined) ?? shapeOf(base);
}

/** Returns a letter with a mark; undefined if there is no space for it. */
function marked(base: string, mark: string): Shape | undefined {
  const short = SHORT_LETTERS.get(base);
  if (!short) return undefined;
  const below = BELOW.get(mark);
  if (below) return isDescending(base) ? undefined : withMarkBelow(short, MARKS.get(below)!);
  const name = ABOVE.get(mark)!;
  // The dots of ä, ë, ï, ö, ü and ÿ have space above the small letters themselves.
  const body = name === "¨" && base !== base.toUpperCase()
    ? GLYPHS.get(base === "i" ? "ı" : base)!.slice(2)
    : short;
  return withMarkAbove(body, MARKS.get(name)!);
}

function withMarkAbove(body: Shape, mark: Shape): Shape | undefined {
  const space = GLYPH_HEIGHT - body.length - mark.length;
  if (space < 0) return undefined;
  const gap = Math.min(1, space);
  return [...Array(space - gap).fill(""), ...mark, ...Array(gap).fill(""), ...body];
}

function withMarkBelow(short: Shape, mark: Shape): Shape {
  const isCapital = short.length + mark.length === GLYPH_HEIGHT;
  return isCapital ? [...short, ...mark] : ["", "", ...short, mark[0]!];
}

/** Whether a letter with a short shape reaches below the line. */
function isDescending(letter: string): boolean {
  return letter === "g" || letter === "y";
}
