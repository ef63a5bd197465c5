import { assertEquals } from "@std/assert";
import { heightsOf, nominalHeight } from "../../../lib/renditions/heights.ts";

Deno.test("heightsOf() rounds up, and has each height once", () => {
  assertEquals(heightsOf({ width: 132, height: 100 }, [1, 2, 3, 4]), [13, 25, 38, 50, 100]);
  assertEquals(heightsOf({ width: 8, height: 2 }, [1, 2, 3, 4]), [1, 2]);
});

Deno.test("nominalHeight() is the smallest one that is high enough, or the largest", () => {
  const nominal = [1, 13, 14, 100, 101].map((wanted) => nominalHeight([13, 25, 100], wanted));
  assertEquals(nominal, [13, 13, 25, 100, 100]);
});
