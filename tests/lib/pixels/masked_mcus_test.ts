import { assertEquals } from "@std/assert";
import { maskedMcus } from "../../../lib/pixels/masked_mcus.ts";
import { headerOf } from "./headers.ts";

const header = headerOf({ width: 640, height: 480 });

function mcusOf(mask: [number, number, number, number], at = header): number[] {
  const [left, top, right, bottom] = mask;
  const found = maskedMcus(at, [{ left, top, right, bottom }]);
  return found.flatMap(({ left, top, right, bottom }) => [left, top, right, bottom]);
}

Deno.test("maskedMcus() grows a rectangle to whole MCUs", () => {
  assertEquals(mcusOf([1, 1, 2, 2]), [0, 0, 1, 1]);
  assertEquals(mcusOf([50, 50, 52, 52]), [19, 14, 21, 16]);
  assertEquals(mcusOf([0, 0, 100, 100]), [0, 0, 40, 30]);
});

Deno.test("maskedMcus() adds MCUs from which decoders take colour at the edge of a rectangle", () => {
  // From pixel 160 to 320 and from 96 to 192: exactly MCUs of 16x16.
  assertEquals(mcusOf([25, 20, 50, 40]), [9, 5, 21, 13]);
  const full = headerOf({ width: 640, height: 480, sampling: "1x1" });
  assertEquals(mcusOf([25, 20, 50, 40], full), [20, 12, 40, 24]);
  const wide = headerOf({ width: 640, height: 480, sampling: "2x1" });
  assertEquals(mcusOf([25, 20, 50, 40], wide), [9, 12, 21, 24]);
});

Deno.test("maskedMcus() covers the smallest rectangle, also at the edges of odd sizes", () => {
  assertEquals(mcusOf([50.3, 50.3, 50.31, 50.31]), [20, 15, 21, 16]);
  const odd = headerOf({ width: 1366, height: 768 });
  assertEquals(mcusOf([99.999, 99.999, 100, 100], odd), [85, 47, 86, 48]);
  const tiny = headerOf({ width: 3, height: 3 });
  assertEquals(mcusOf([90, 90, 91, 91], tiny), [0, 0, 1, 1]);
});
