import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Jpeg } from "../../../lib/frame.ts";
import { encodeHeader } from "../../../lib/pixels/header.ts";
import { HeaderReader, type ReadHeader } from "../../../lib/pixels/header_reader.ts";
import { bytes, join, segment } from "../jpeg/sample_jpegs.ts";
import { headerOf } from "./headers.ts";

const JFIF = segment(0xe0, [...new TextEncoder().encode("JFIF\0"), 1, 2, 1, 0, 72, 0, 72, 0, 0]);
const ADOBE = segment(0xee, [...new TextEncoder().encode("Adobe"), 0, 100, 0, 0, 0, 0, 1]);

function jpegWith(...application: Uint8Array[]): Jpeg {
  const header = encodeHeader(headerOf({ width: 64, height: 48 }), join(...application));
  return join(header, bytes(1, 2, 3, 0xff, 0xd9));
}

function read(reader: HeaderReader, jpeg: Jpeg): ReadHeader {
  const found = reader.read(jpeg);
  assert(!("refused" in found));
  return found;
}

Deno.test("HeaderReader reads what encodeHeader() has encoded, and encodes the same again", () => {
  const jpeg = jpegWith(JFIF, ADOBE);
  const { header, data } = read(new HeaderReader(), jpeg);
  assertEquals(data, jpeg.length - 5);
  assertEquals(header.encoded, jpeg.subarray(0, data));
  const { components, quantization } = headerOf({ width: 64, height: 48 });
  assertEquals(header.baseline.components, components);
  assertEquals(header.baseline.quantization, quantization); // the second with steps of 16 bits
});

Deno.test("HeaderReader returns the same header until something changes that decoders need", () => {
  const reader = new HeaderReader();
  const first = read(reader, jpegWith(JFIF));
  const comment = segment(0xfe, [1, 2, 3]);
  const second = read(reader, jpegWith(JFIF, comment));
  assertStrictEquals(second.header, first.header);
  assertEquals(second.data, first.data + comment.length);
  const copy = jpegWith(JFIF);
  assertStrictEquals(read(reader, copy).header, first.header);
  assert(read(reader, jpegWith(JFIF, ADOBE)).header !== first.header);
});

Deno.test("HeaderReader keeps no thumbnail, no second JFIF segment and no other metadata", () => {
  const thumbnail = segment(0xe0, [...JFIF.subarray(4, 16), 2, 1, 1, 2, 3, 4, 5, 6]);
  const exif = segment(0xe1, new TextEncoder().encode("Exif\0\0secret"));
  const camera = segment(0xe0, new TextEncoder().encode("AVI1 and more than 18 bytes"));
  const jpeg = jpegWith(exif, camera, thumbnail, JFIF, ADOBE, segment(0xfe, [1]));
  const { header } = read(new HeaderReader(), jpeg);
  assertEquals(header.application, join(JFIF, ADOBE));
});
