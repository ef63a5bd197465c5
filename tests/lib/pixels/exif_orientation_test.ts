import { assertEquals } from "@std/assert";
import { segments } from "../../../lib/jpeg/segments.ts";
import { exifOrientation, exifSegment } from "../../../lib/pixels/exif_orientation.ts";
import { axesOf, UPRIGHT } from "../../../lib/pixels/orientation.ts";
import { Random } from "../../random.ts";
import { exifWith, withSegment } from "../jpeg/exif.ts";
import { sampleJpeg, segment } from "../jpeg/sample_jpegs.ts";

const picture = sampleJpeg();
const thumbnail = sampleJpeg({ width: 160, height: 120 });
/** Where the first row and the first column are as people see them, by value (EXIF 2.32, 4.6.4). */
const SIDES = [
  ["top", "left"],
  ["top", "right"],
  ["bottom", "right"],
  ["bottom", "left"],
  ["left", "top"],
  ["right", "top"],
  ["right", "bottom"],
  ["left", "bottom"],
];

Deno.test("exifOrientation() reads each value as EXIF defines it, from what exifSegment() makes", () => {
  SIDES.forEach((sides, index) => {
    const orientation = exifOrientation(withValue(index + 1));
    const { reversesX, reversesY, transposes } = axesOf(orientation);
    const vertical = ["top", "bottom"], horizontal = ["left", "right"];
    const row = (transposes ? horizontal : vertical)[Number(reversesY)];
    const column = (transposes ? vertical : horizontal)[Number(reversesX)];
    assertEquals([row, column], sides);
    assertEquals(withSegment(picture, exifSegment(orientation)), withValue(index + 1));
  });
});

Deno.test("exifOrientation() reads both byte orders, in EXIF data with a thumbnail", () => {
  for (const little of [true, false]) {
    const jpeg = withSegment(picture, exifWith({ thumbnail, little }));
    assertEquals(exifOrientation(jpeg), { rotation: 90, mirrored: false });
  }
});

Deno.test("exifOrientation() is upright without a valid value", () => {
  const name = new TextEncoder().encode("Exif\0\0");
  assertEquals(exifOrientation(picture), UPRIGHT);
  for (const value of [0, 9, 255]) assertEquals(exifOrientation(withValue(value)), UPRIGHT);
  for (const body of [[], name, name.subarray(0, 5), [...name, 0x4d]]) {
    assertEquals(exifOrientation(withSegment(picture, segment(0xe1, body))), UPRIGHT);
  }
  const random = new Random(16);
  for (let round = 0; round < 2_000; round++) {
    const jpeg = withSegment(picture, exifWith({ thumbnail }));
    for (let i = random.integer(1, 4); i > 0; i--) {
      jpeg[random.integer(12, 80)] = random.integer(0, 255);
    }
    exifOrientation(jpeg); // does not throw
  }
});

Deno.test("exifSegment() makes one complete segment", () => {
  const [first] = segments(withSegment(picture, exifSegment(UPRIGHT)));
  assertEquals([first!.marker, first!.end], [0xe1, 2 + exifSegment(UPRIGHT).length]);
});

function withValue(value: number) {
  const exif = exifSegment(UPRIGHT);
  exif[exif.length - 7] = value;
  return withSegment(picture, exif);
}
