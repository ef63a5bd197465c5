import { assert, assertEquals, assertLess, assertNotEquals, assertThrows } from "@std/assert";
import { hasHeadroom, HEADROOM } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { noSignalJpeg } from "../../../lib/jpeg/no_signal.ts";
import { type Size, sizeOf } from "../../../lib/jpeg/segments.ts";
import { splitJpegs } from "../../../lib/jpeg/split.ts";
import { decodeJpeg } from "../../ffmpeg.ts";
import { needing } from "../../parts.ts";

const REASON = ["ffmpeg exited with code 1: /dev/video0: No such device", "Next try in 8 s"];
const SIZES = [
  [1, 1],
  [16, 16],
  [17, 9],
  [160, 120],
  [320, 240],
  [333, 241],
  [640, 480],
  [1280, 720],
  [1920, 1080],
  [48, 1000],
  [65_535, 8],
].map(([width = 0, height = 0]): Size => ({ width, height }));

Deno.test("noSignalJpeg() makes a complete JPEG of the requested size", async () => {
  for (const size of SIZES) {
    const jpeg = noSignalJpeg(size, REASON);
    assertEquals(sizeOf(jpeg), size);
    const images = splitJpegs(chunksOf(jpeg));
    assertEquals(await Array.fromAsync(images), [jpeg]);
    assertEquals(images.counts, { broken: 0, skippedBytes: 0 });
  }
});

Deno.test("noSignalJpeg() makes a JPEG with headroom", () => {
  for (const size of SIZES) {
    const jpeg = noSignalJpeg(size, REASON);
    assert(hasHeadroom(jpeg));
    assertEquals(jpeg.byteOffset, HEADROOM);
    assert(jpeg.buffer.byteLength >= jpeg.length + 2 * HEADROOM);
  }
});

Deno.test("noSignalJpeg() of 1920x1080 is smaller than 30 KB, also with a reason", () => {
  for (const lines of [[], REASON]) {
    assertLess(noSignalJpeg({ width: 1920, height: 1080 }, lines).length, 30_000);
  }
});

Deno.test("noSignalJpeg() rejects a size that no JPEG can have", () => {
  for (const [width, height] of [[0, 8], [8, 0], [65_536, 8], [8, 65_536], [8.5, 8], [NaN, 8]]) {
    assertThrows(() => noSignalJpeg({ width: width!, height: height! }), RangeError, "x");
  }
});

Deno.test("noSignalJpeg() shows lower case as upper case, and unknown letters as question marks", () => {
  const size = { width: 640, height: 480 };
  assertEquals(noSignalJpeg(size, ["camera é"]), noSignalJpeg(size, ["CAMERA ?"]));
  assertNotEquals(noSignalJpeg(size, ["CAMERA A"]), noSignalJpeg(size, ["CAMERA B"]));
});

Deno.test("noSignalJpeg() wraps a reason at spaces, and a long word at the end of the line", () => {
  const size = { width: 640, height: 480 }; // 11 letters in a line
  assertEquals(
    noSignalJpeg(size, [" no\tsuch  device\n /dev/video10 "]),
    noSignalJpeg(size, ["NO SUCH", "DEVICE", "/DEV/VIDEO1", "0"]),
  );
});

Deno.test("noSignalJpeg() omits lines for which there is no room", () => {
  const lines = ["ONE", "TWO", "THREE"];
  const wide = { width: 640, height: 480 };
  assertEquals(noSignalJpeg(wide, [...lines, "FOUR", "FIVE"]), noSignalJpeg(wide, lines));
  assertNotEquals(noSignalJpeg(wide, lines), noSignalJpeg(wide, lines.slice(0, 2)));
  const small = { width: 320, height: 240 };
  assertEquals(noSignalJpeg(small, lines), noSignalJpeg(small));
});

Deno.test({
  name:
    "noSignalJpeg() makes a picture that ffmpeg decodes without a warning, with exactly the greys drawn",
  ...needing("ffmpeg"),
  async fn() {
    for (const size of SIZES.slice(1, -1)) { // it warns about the bit rate of 1x1, and rejects 65535x8
      const { output, warnings } = await decodeJpeg(noSignalJpeg(size, REASON));
      assertEquals(warnings, []);
      const { width, height } = size;
      const luminance = output.subarray(0, width * height);
      const colour = output.subarray(width * height);
      assertEquals(colour.length, 2 * Math.ceil(width / 2) * Math.ceil(height / 2));
      assertEquals(
        [...new Set(luminance)].filter((grey) => ![24, 64, 136, 216].includes(grey)),
        [],
      );
      assert(colour.every((value) => value === 128));
    }
  },
});

Deno.test({
  name: "noSignalJpeg() writes its title in large letters in the middle",
  ...needing("ffmpeg"),
  async fn() {
    assertEquals(await titleIn({ width: 640, height: 480 }), [
      "#   #  ###         ####  ###   ###  #   #  ###  #    ",
      "##  # #   #       #       #   #   # ##  # #   # #    ",
      "# # # #   #       #       #   #     # # # #   # #    ",
      "#  ## #   #        ###    #   # ### #  ## ##### #    ",
      "#   # #   #           #   #   #   # #   # #   # #    ",
      "#   # #   #           #   #   #   # #   # #   # #    ",
      "#   #  ###        ####   ###   ###  #   # #   # #####",
    ]);
    assertEquals(await titleIn({ width: 320, height: 240 }), [
      "            #   #  ###             ",
      "            ##  # #   #            ",
      "            # # # #   #            ",
      "            #  ## #   #            ",
      "            #   # #   #            ",
      "            #   # #   #            ",
      "            #   #  ###             ",
      "                                   ",
      "                                   ",
      " ####  ###   ###  #   #  ###  #    ",
      "#       #   #   # ##  # #   # #    ",
      "#       #   #     # # # #   # #    ",
      " ###    #   # ### #  ## ##### #    ",
      "    #   #   #   # #   # #   # #    ",
      "    #   #   #   # #   # #   # #    ",
      "####   ###   ###  #   # #   # #####",
    ]);
    assertEquals(await titleIn({ width: 48, height: 40 }), ["# #", " # ", "# #"]);
  },
});

/**
 * Returns the brightest blocks of a picture without the margins, and asserts that these are equally
 * wide.
 */
async function titleIn(size: Size): Promise<string[]> {
  const { output } = await decodeJpeg(noSignalJpeg(size));
  const rows = Array.from(
    { length: size.height / 8 },
    (_, y) =>
      Array.from({ length: size.width / 8 }, (_, x) => output[(y * size.width + x) * 8] === 216),
  );
  const isLit = (row: boolean[]) => row.includes(true);
  const top = rows.findIndex(isLit), bottom = rows.findLastIndex(isLit) + 1;
  const left = Math.min(...rows.map((row) => row.indexOf(true)).filter((x) => x !== -1));
  const right = Math.max(...rows.map((row) => row.lastIndexOf(true))) + 1;
  assert(Math.abs(top - (rows.length - bottom)) <= 1, "not in the middle");
  assert(Math.abs(left - (size.width / 8 - right)) <= 1, "not in the middle");
  return rows.slice(top, bottom).map((row) =>
    row.slice(left, right).map((lit) => lit ? "#" : " ").join("")
  );
}

async function* chunksOf(jpeg: Jpeg) {
  yield await Promise.resolve(jpeg.slice());
}
