import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Baseline } from "../../../lib/pixels/baseline.ts";
import { drawText, type TextPicture } from "../../../lib/pixels/text_picture.ts";
import { headerOf } from "./headers.ts";

const LINE = "FRONT DOOR 2026-11-27 06:55:12";

Deno.test("drawText() draws letters of about 1/36 of the picture's height", () => {
  for (const height of [240, 360, 480, 576, 720, 1080, 1440, 2160]) {
    const header = headerOf({ width: height * 16 / 9, height });
    const ratio = letterHeight(header, LINE) / (height / 36);
    assert(ratio > 0.65 && ratio < 1.5, `${height}: ${ratio}`);
  }
});

Deno.test("drawText() makes letters smaller for a long text, then cuts it", () => {
  const header = headerOf({ width: 640, height: 480 });
  assertEquals(letterHeight(header, "H".repeat(50)), 14);
  assertEquals(letterHeight(header, "H".repeat(80)), 7);
  const cut = drawText(header, "H".repeat(200), "top")!;
  assertEquals(cut.area.right, 40);
  const shorter = drawText(header, "H".repeat(106 - 3) + "...", "top")!;
  assertEquals(cut, shorter);
});

Deno.test("drawText() stays in the picture, also at its lower edge and in small pictures", () => {
  for (const [width, height] of [[1366, 768], [1920, 1080], [64, 48], [20, 9], [8, 300]] as const) {
    for (const sampling of ["2x2", "2x1", "1x1"] as const) {
      const header = headerOf({ width, height, sampling });
      for (const place of ["top", "bottom"] as const) {
        const picture = drawText(header, LINE, place)!;
        const { area, stride, dots } = picture;
        assert(area.right <= header.mcusX && area.bottom <= header.mcusY);
        assertEquals(
          area.bottom === header.mcusY,
          place === "bottom" || area.bottom === header.mcusY,
        );
        const last = Math.floor(dots.lastIndexOf(1) / stride) + area.top * header.mcuHeight;
        assert(last < height, `${width}x${height} ${place}: row ${last}`);
      }
    }
  }
});

Deno.test("drawText() draws nothing where there is no space", () => {
  assertEquals(drawText(headerOf({ width: 100, height: 8 }), LINE, "top"), undefined);
  assertEquals(drawText(headerOf({ width: 5, height: 100 }), LINE, "top"), undefined);
  assertEquals(drawText(headerOf({ width: 100, height: 100 }), "", "top"), undefined);
  assertEquals(drawText(headerOf({ width: 100, height: 100 }), "\u200b", "top"), undefined);
});

Deno.test("drawText() draws small letters, marks, and a question mark for an unknown character", () => {
  const draw = (text: string) => drawText(headerOf({ width: 320, height: 240 }), text, "top")!;
  assertNotEquals(draw("front"), draw("FRONT"));
  assertNotEquals(draw("Haustür"), draw("Haustur"));
  assertEquals(draw("Haustür Señor".normalize("NFD")), draw("Haustür Señor"));
  assertEquals(draw("日Я👩‍👩‍👧🇩🇪x"), draw("????x"));
});

Deno.test("drawText() has a letter's width for each character, with or without marks", () => {
  const header = headerOf({ width: 640, height: 480 });
  for (const text of ["gjpqy", "ÄÖÜäö", "a\u0301".repeat(5), "😀".repeat(5), "\u00a0H\u00adHHH"]) {
    const { stride } = drawText(header, `|${text.repeat(5)}|`, "top")!;
    assertEquals(stride, drawText(header, `|${"H".repeat(25)}|`, "top")!.stride, text);
    assertEquals(extent(drawText(header, `|${text.repeat(5)}|`, "top")!).width, (26 * 6 + 1) * 2);
  }
});

Deno.test("drawText() draws the text in the middle of its ground", () => {
  for (const sampling of ["2x2", "2x1", "1x1"]) {
    for (const [width, height] of [[320, 240], [640, 480], [1280, 720], [1920, 1080]] as const) {
      const header = headerOf({ width, height, sampling });
      for (const length of [1, 7, 30, 53]) {
        const { left, right, above, below } = extent(drawText(header, "H".repeat(length), "top")!);
        const name = `${width}x${height}, ${sampling}, ${length} letters`;
        assert(left >= 1 && Math.abs(left - right) <= 1, `${name}: ${left} and ${right}`);
        assert(above >= 1 && Math.abs(above - below) <= 1, `${name}: ${above} and ${below}`);
      }
    }
  }
});

function letterHeight(header: Baseline, text: string): number {
  return extent(drawText(header, text, "top")!).height;
}

/** Returns the size of what is drawn, and the space around it. */
function extent({ stride, dots }: TextPicture) {
  const rows = dots.length / stride;
  const above = Math.floor(dots.indexOf(1) / stride);
  const below = rows - 1 - Math.floor(dots.lastIndexOf(1) / stride);
  const columns = [...dots.keys()].filter((i) => dots[i]).map((i) => i % stride);
  const left = Math.min(...columns), right = stride - 1 - Math.max(...columns);
  return { above, below, left, right, width: stride - left - right, height: rows - above - below };
}
