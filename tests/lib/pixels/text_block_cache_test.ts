import { assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { TextBlockCache } from "../../../lib/pixels/text_block_cache.ts";
import { headerOf } from "./headers.ts";

const NOON = { line: "DOOR 12:00:00", place: "top" } as const;
const LATER = { ...NOON, line: "DOOR 12:00:01" };
const SIZE = { width: 640, height: 480 };
const isMasked = () => false;

Deno.test("TextBlockCache makes only blocks anew that look different in the next text", () => {
  const cache = new TextBlockCache();
  const before = cache.get(headerOf(SIZE), NOON, isMasked)!;
  const after = cache.get(headerOf(SIZE), LATER, isMasked)!;
  assertEquals(after, new TextBlockCache().get(headerOf(SIZE), LATER, isMasked));
  const kept = after.blocks.filter((block, i) => block === before.blocks[i]).length;
  const share = kept / after.blocks.length;
  assertEquals(share > 0.8 && share < 1, true, `${share}`);
});

Deno.test("TextBlockCache keeps the blocks for several quantization tables", () => {
  const cache = new TextBlockCache();
  const headers = [3, 4, 5, 6].map((step) => {
    const quantization = [new Uint16Array(64).fill(step), new Uint16Array(64).fill(9)];
    return { ...headerOf(SIZE), quantization };
  });
  const made = headers.map((header) => cache.get(header, NOON, isMasked)!);
  for (const [i, header] of headers.entries()) {
    assertEquals(made[i], new TextBlockCache().get(header, NOON, isMasked));
    assertStrictEquals(cache.get({ ...header }, NOON, isMasked), made[i]);
  }
  for (const header of headers) {
    const fresh = new TextBlockCache().get(header, LATER, isMasked);
    assertEquals(cache.get(header, LATER, isMasked), fresh);
  }
});

Deno.test("TextBlockCache makes blocks anew for pictures of another size or sampling", () => {
  const cache = new TextBlockCache();
  const sizes = [SIZE, { ...SIZE, sampling: "1x1" }, { width: 641, height: 400 }, SIZE];
  for (const size of sizes) {
    const found = cache.get(headerOf(size), NOON, isMasked);
    assertEquals(found, new TextBlockCache().get(headerOf(size), NOON, isMasked));
  }
});

Deno.test("TextBlockCache draws nothing where there is no space", () => {
  const cache = new TextBlockCache();
  assertEquals(cache.get(headerOf({ width: 8, height: 8 }), NOON, isMasked), undefined);
  const empty = cache.get(headerOf(SIZE), { ...NOON, line: "" }, isMasked);
  assertEquals(empty, undefined);
  assertNotEquals(cache.get(headerOf(SIZE), NOON, isMasked), undefined);
});
