import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { charactersOf, glyph, GLYPH_HEIGHT, GLYPH_WIDTH } from "../../../lib/jpeg/font.ts";

/** All of ASCII that can be seen. */
const ASCII = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i));
const MARKED = "ÄÖÜÅÇÑÉÈÊËÁÀÂÃÍÌÎÏÓÒÔÕÚÙÛÝŸČŠŽŘĚŮŇĎĄĘŚĆŃŹŻŐŰĞŞĀĒĪŌŪİȚ" +
  "äöüåçñéèêëáàâãíìîïóòôõúùûýÿčšžřěůňąęśćńźżőűğşāēīōū";
const OTHERS = "ßØøÆæŒœŁłĐđðÞþı¿¡°€£¥§µ±×÷¹²³«»„…·•→←↑↓";

function dots(letter: string): string {
  return glyph(letter).map((row) => row.padEnd(GLYPH_WIDTH).replaceAll(" ", ".")).join("\n");
}

const UNKNOWN = dots("?");

Deno.test("glyph() has a shape of 7 rows of at most 5 dots for each letter, and no two are equal", () => {
  const letters = [...ASCII, ...MARKED, ...OTHERS];
  const shapes = new Map<string, string>();
  for (const letter of letters) {
    const rows = glyph(letter);
    assertEquals(rows.length, GLYPH_HEIGHT, letter);
    assert(rows.every((row) => row.length <= GLYPH_WIDTH && /^[ #]*$/.test(row)), letter);
    assert(rows.some((row) => row.includes("#")), letter);
    const shape = dots(letter);
    assertEquals(shapes.get(shape), undefined, letter);
    shapes.set(shape, letter);
  }
  assertEquals(shapes.size, letters.length);
});

Deno.test("glyph() draws small letters as such, with their lower parts in the last rows", () => {
  assertEquals(dots("g"), ".....\n.....\n.####\n#...#\n.####\n....#\n.###.");
  for (const letter of "acegmnopqrsuvwxyz") {
    assertEquals(glyph(letter).slice(0, 2).join("").trim(), "", letter);
    assertNotEquals(dots(letter), dots(letter.toUpperCase()));
  }
});

Deno.test("glyph() draws marks above and below letters, composed or not", () => {
  assertEquals(dots("é"), "...#.\n..#..\n.....\n.###.\n#####\n#....\n.####");
  assertEquals(dots("ü"), ".#.#.\n.....\n#...#\n#...#\n#...#\n#..##\n.##.#");
  assertEquals(dots("ï"), ".#.#.\n.....\n.##..\n..#..\n..#..\n..#..\n.###.");
  assertEquals(dots("É"), "...#.\n..#..\n#####\n#....\n####.\n#....\n#####");
  assertEquals(dots("ç"), ".....\n.....\n.####\n#....\n#....\n.####\n..#..");
  for (const letter of [...MARKED, "Ö", "ế"]) {
    assertEquals(dots(letter.normalize("NFD")), dots(letter));
    assertEquals(dots(`${letter}\u200d`), dots(letter));
  }
});

Deno.test("glyph() omits marks for which there is no space, or draws similar ones", () => {
  const pairs = [
    "ďd",
    "ťt",
    "ķk",
    "ẞß",
    "ģg",
    "x\u0301x",
    "B\u0308B",
    "f\u0301f",
    "5\u20e35",
    "Q\u030aQ",
  ];
  for (const pair of pairs) {
    const base = pair.at(-1)!;
    assertEquals(dots(pair.slice(0, -1)), dots(base), pair);
    assertNotEquals(dots(base), UNKNOWN);
  }
});

Deno.test("glyph() draws the punctuation of texts as that of ASCII", () => {
  const pairs: Record<string, string> = {
    "–—−\u2011": "-",
    "‘’´": "'",
    "“”": '"',
    "º": "°",
    "μ": "µ",
  };
  for (const [letters, same] of Object.entries(pairs)) {
    for (const letter of letters) assertEquals(dots(letter), dots(same), letter);
  }
  for (const space of [" ", "\u00a0", "\u202f", "\u3000"]) assertEquals(glyph(space), []);
});

Deno.test("glyph() draws a question mark for other scripts, emoji and control characters", () => {
  const unknown = [
    "Я",
    "Ω",
    "日",
    "한",
    "😀",
    "👍🏽",
    "❤️",
    "🇩🇪",
    "👩‍👩‍👧",
    "\t",
    "\x7f",
    "\u0308",
    "≠",
    "",
  ];
  for (const letter of unknown) assertEquals(dots(letter), UNKNOWN, JSON.stringify(letter));
  assertEquals(dots("aя"), UNKNOWN);
});

Deno.test("charactersOf() splits a text into what people see as characters", () => {
  assertEquals(charactersOf("Süd °C"), [..."Süd °C"]);
  assertEquals(charactersOf("Su\u0308d x\u0301y"), ["S", "ü", "d", " ", "x\u0301", "y"]);
  assertEquals(charactersOf("a😀b"), ["a", "😀", "b"]);
  assertEquals(charactersOf("👩‍👩‍👧👍🏽❤️🇩🇪🇫🇷!"), ["👩‍👩‍👧", "👍🏽", "❤️", "🇩🇪", "🇫🇷", "!"]);
  assertEquals(charactersOf("a\u00adb\u200bc\ufeff\u200e"), ["a", "b", "c"]);
  assertEquals(charactersOf("x\u200dy"), ["x\u200d", "y"].map((c) => c.replace("\u200d", "")));
  assertEquals(charactersOf(""), []);
});
