import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { withoutThumbnail } from "../../../lib/jpeg/thumbnail.ts";
import { Random } from "../../random.ts";
import { exifWith, withSegment } from "./exif.ts";
import { sampleJpeg, SCAN, segment } from "./sample_jpegs.ts";

const thumbnail = sampleJpeg({ width: 160, height: 120 });
const picture = sampleJpeg();

/** Returns the positions of a marker in a file. */
function find(jpeg: Bytes, marker: number): number[] {
  return [...jpeg.keys()].filter((at) => jpeg[at] === 0xff && jpeg[at + 1] === marker);
}

for (const little of [true, false]) {
  const order = little ? "Intel" : "Motorola";
  Deno.test(`withoutThumbnail() blanks a thumbnail and keeps the other EXIF data (${order} byte order)`, () => {
    const exif = exifWith({ thumbnail, little });
    const jpeg = withSegment(picture, exif);
    const before = jpeg.slice();
    assertStrictEquals(withoutThumbnail(jpeg), jpeg);
    assertEquals(find(jpeg, 0xd8), [0]);
    assertEquals(find(jpeg, 0xd9), [jpeg.length - 2]);
    const start = 2 + 10;
    const expected = before.slice();
    expected.fill(0, start + 22, start + 26); // the link to the second directory
    expected.fill(0, start + 68, 2 + exif.length);
    assertEquals(jpeg, expected);
  });
}

Deno.test("withoutThumbnail() leaves an image without a thumbnail unchanged", () => {
  const emptied = withoutThumbnail(withSegment(picture, exifWith({ thumbnail })));
  for (
    const jpeg of [
      picture,
      emptied,
      withSegment(
        picture,
        segment(0xe1, new TextEncoder().encode("http://ns.adobe.com/xap/1.0/\0")),
      ),
      withSegment(picture, segment(0xe1, new TextEncoder().encode("Exif\0\0"))),
    ]
  ) {
    const before = jpeg.slice();
    assertEquals(withoutThumbnail(jpeg), before);
  }
});

Deno.test("withoutThumbnail() leaves malformed EXIF data unchanged, and writes to nothing else", () => {
  const random = new Random(4);
  const exif = exifWith({ thumbnail });
  for (let round = 0; round < 3_000; round++) {
    const jpeg: Jpeg = withSegment(sampleJpeg({ scan: SCAN }), exif);
    const tiff = 2 + 10;
    for (let i = random.integer(1, 4); i > 0; i--) {
      jpeg[tiff + random.integer(0, 67)] = random.integer(0, 255);
    }
    const before = jpeg.slice();
    withoutThumbnail(jpeg);
    const end = 2 + exif.length;
    assertEquals(jpeg.slice(0, tiff), before.slice(0, tiff));
    assertEquals(jpeg.slice(end), before.slice(end));
  }
});
