import { assert, assertEquals } from "@std/assert";
import type { Baseline } from "../../../lib/pixels/baseline.ts";
import { drawText } from "../../../lib/pixels/text_picture.ts";
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

Deno.test("drawText() draws nothing where there is no space, and no accents", () => {
  assertEquals(drawText(headerOf({ width: 100, height: 8 }), LINE, "top"), undefined);
  assertEquals(drawText(headerOf({ width: 5, height: 100 }), LINE, "top"), undefined);
  assertEquals(drawText(headerOf({ width: 100, height: 100 }), "", "top"), undefined);
  const header = headerOf({ width: 320, height: 240 });
  assertEquals(drawText(header, "Haustür Señor", "top"), drawText(header, "HAUSTUR SENOR", "top"));
});

function letterHeight(header: Baseline, text: string): number {
  const { stride, dots } = drawText(header, text, "top")!;
  return Math.floor(dots.lastIndexOf(1) / stride) - Math.floor(dots.indexOf(1) / stride) + 1;
}
