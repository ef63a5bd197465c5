import { assertEquals } from "@std/assert";
import { isFrameHeader, segments, sizeOf } from "../../../lib/jpeg/segments.ts";
import {
  bytes,
  DHT,
  DQT,
  EOI,
  exif,
  join,
  sampleJpeg,
  segment,
  sof,
  SOI,
  sos,
} from "./sample_jpegs.ts";

Deno.test("sizeOf() reads the size of an image, not that of its thumbnail", () => {
  const jpeg = sampleJpeg({ width: 1920, height: 1080, head: [exif()] });
  assertEquals(sizeOf(jpeg), { width: 1920, height: 1080 });
});

Deno.test("sizeOf() reads sizes above 255", () => {
  const jpeg = sampleJpeg({ width: 65_535, height: 256 });
  assertEquals(sizeOf(jpeg), { width: 65_535, height: 256 });
});

Deno.test("sizeOf() reads any kind of frame header, after tables and fill bytes", () => {
  for (const marker of [0xc0, 0xc1, 0xc2, 0xc3, 0xc9, 0xca, 0xcf]) {
    const jpeg = join(SOI, DHT, bytes(0xff, 0xff), DQT, bytes(0xff), sof({ marker }), sos(), EOI);
    assertEquals(sizeOf(jpeg), { width: 640, height: 480 });
  }
});

Deno.test("sizeOf() returns undefined for other data and for broken JPEGs", () => {
  const others = {
    "nothing": bytes(),
    "SOI alone": SOI,
    "a picture without lines": sampleJpeg({ height: 0 }),
    "no frame header": join(SOI, DQT, DHT, sos(), sof(), EOI),
    "a frame header cut short": join(SOI, DQT, sof()).subarray(0, -10),
    "a frame header that is too short": join(SOI, segment(0xc0, [8, 1, 224, 2]), EOI, EOI, EOI),
    "a segment that ends after the data": join(SOI, bytes(0xff, 0xe0, 0xff, 0xff), sof(), EOI),
    "an invalid length": join(SOI, bytes(0xff, 0xe0, 0, 0), sof(), EOI),
    "text": new TextEncoder().encode("<!doctype html><title>Not found</title>"),
    "an image without its SOI": sampleJpeg().subarray(2),
    "another kind of file whose third byte is FF": join(bytes(0x49, 0x44), sof(), sos(), EOI),
  };
  for (const [data, jpeg] of Object.entries(others)) assertEquals(sizeOf(jpeg), undefined, data);
});

Deno.test("segments() yields the segments between SOI and the first scan with their positions", () => {
  const jpeg = join(SOI, DQT, bytes(0xff), sof(), bytes(0xff, 0x01), DHT, sos(), bytes(1, 2), EOI);
  const found = [...segments(jpeg)];
  assertEquals(found.map(({ marker }) => marker), [0xdb, 0xc0, 0xc4, 0xda]);
  const pieces = found.map(({ start, end }) => jpeg.slice(start, end));
  assertEquals(pieces, [DQT, sof(), DHT, sos()]);
});

Deno.test("isFrameHeader() distinguishes SOF0 to SOF15 from the tables between them", () => {
  const all = Array.from({ length: 256 }, (_, marker) => marker);
  assertEquals(
    all.filter(isFrameHeader).map((marker) => marker - 0xc0),
    [0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15],
  );
});
