import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { hasHeadroom, HEADROOM } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { withHuffmanTables } from "../../../lib/jpeg/huffman.ts";
import { segments } from "../../../lib/jpeg/segments.ts";
import { STANDARD_DHT } from "../../../lib/jpeg/tables.ts";
import { decodeJpeg } from "../../ffmpeg.ts";
import { needing } from "../../parts.ts";

/** Made by ffmpeg's encoder with `-huffman default`. */
const whole: Jpeg = await Deno.readFile(
  new URL("../../fixtures/standard_tables.jpg", import.meta.url),
);
const DHT = 0xc4, SOS = 0xda;

Deno.test("withHuffmanTables() inserts the standard tables before the scan of a JPEG without tables", () => {
  const { bare, tables } = withoutTables(whole);
  const repaired = withHuffmanTables(bare);
  assertEquals(STANDARD_DHT, tables);
  const scan = [...segments(bare)].at(-1)!.start;
  assertEquals(repaired.subarray(0, scan), bare.subarray(0, scan));
  assertEquals(repaired.subarray(scan, scan + tables.length), tables);
  assertEquals(repaired.subarray(scan + tables.length), bare.subarray(scan));
});

Deno.test({
  name: "withHuffmanTables() restores the pixels of a JPEG whose tables were removed",
  ...needing("ffmpeg"),
  async fn() {
    const repaired = await decodeJpeg(withHuffmanTables(withoutTables(whole).bare));
    const original = await decodeJpeg(whole);
    assertEquals(original.output.length, 48 * 32 * 3);
    assertEquals(repaired.output, original.output);
  },
});

Deno.test("withHuffmanTables() returns a JPEG with headroom in a new buffer", () => {
  const repaired = withHuffmanTables(withoutTables(whole).bare);
  assert(hasHeadroom(repaired));
  assertEquals(repaired.byteOffset, HEADROOM);
  assertEquals(repaired.buffer.byteLength, repaired.length + 2 * HEADROOM);
});

Deno.test("withHuffmanTables() returns a JPEG with any Huffman table unchanged", () => {
  assertStrictEquals(withHuffmanTables(whole), whole);
  const { bare } = withoutTables(whole);
  const own = Uint8Array.of(0xff, 0xd8, 0xff, DHT, 0, 2, ...bare.subarray(2));
  assertStrictEquals(withHuffmanTables(own), own);
});

Deno.test("withHuffmanTables() adds tables to extended sequential JPEGs, and returns other kinds unchanged", () => {
  const { bare } = withoutTables(whole);
  const header = [...segments(bare)].find(({ marker }) => marker === 0xc0)!.start;
  for (const marker of [0xc1, 0xc2, 0xc3, 0xc9, 0xca]) {
    const other = bare.slice();
    other[header + 1] = marker;
    assertEquals(withHuffmanTables(other) !== other, marker === 0xc1);
  }
});

Deno.test("withHuffmanTables() returns data without a scan unchanged", () => {
  const { bare } = withoutTables(whole);
  const scan = [...segments(bare)].at(-1)!.start;
  for (const end of [0, 1, 2, 3, 20, scan, scan + 3]) {
    const cut = bare.slice(0, end);
    assertStrictEquals(withHuffmanTables(cut), cut);
  }
});

Deno.test("withHuffmanTables() keeps segments between the frame header and the scan before the tables", () => {
  const { bare } = withoutTables(whole);
  const scan = [...segments(bare)].at(-1)!.start;
  const comment = [0xff, 0xfe, 0, 4, 1, 2];
  const head = Uint8Array.of(...bare.subarray(0, scan), ...comment);
  assertStrictEquals(withHuffmanTables(head), head);
  const markers = [...segments(withHuffmanTables(Uint8Array.of(...head, ...bare.subarray(scan))))]
    .map(({ marker }) => marker);
  assertEquals(markers.slice(-4), [0xc0, 0xfe, DHT, SOS]);
});

Deno.test("withHuffmanTables() adds no tables to a scan before the frame header", () => {
  const { bare } = withoutTables(whole);
  const scan = [...segments(bare)].find(({ marker }) => marker === SOS)!;
  const headless = Uint8Array.of(0xff, 0xd8, ...bare.subarray(scan.start));
  assertStrictEquals(withHuffmanTables(headless), headless);
});

/** Removes the only DHT segment of a JPEG. */
function withoutTables(jpeg: Jpeg): { bare: Jpeg; tables: Uint8Array } {
  const { start, end } = [...segments(jpeg)].find(({ marker }) => marker === DHT)!;
  const bare = new Uint8Array([...jpeg.subarray(0, start), ...jpeg.subarray(end)]);
  return { bare, tables: jpeg.slice(start, end) };
}
