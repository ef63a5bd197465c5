import { assert, assertEquals, assertLess } from "@std/assert";
import { hasHeadroom, HEADROOM } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { segments } from "../../../lib/jpeg/segments.ts";
import { type Baseline, readBaseline } from "../../../lib/pixels/baseline.ts";
import { Editor } from "../../../lib/pixels/editor.ts";
import { HeaderReader } from "../../../lib/pixels/header_reader.ts";
import { maskedMcus } from "../../../lib/pixels/masked_mcus.ts";
import { UPRIGHT } from "../../../lib/pixels/orientation.ts";
import { Patcher } from "../../../lib/pixels/patcher.ts";
import { PatchMaker } from "../../../lib/pixels/patch_maker.ts";
import type { Rectangle } from "../../../lib/pixels/rectangle.ts";
import type { EditTask, Overlay, Refused } from "../../../lib/pixels/task.ts";
import { drawText } from "../../../lib/pixels/text_picture.ts";
import { decodeJpeg } from "../../ffmpeg.ts";
import { greyPixels, type Pixels, worstInside } from "../../masked_picture.ts";
import { needing } from "../../parts.ts";
import { exifWith, withSegment } from "../jpeg/exif.ts";
import { encode, LIBJPEG, run, SAMPLINGS } from "./libjpeg.ts";

const LARGE_STEPS = " with quantization tables of 16 bits";
/** ffmpeg does not decode it. */
const SMALL_LUMINANCE = "smaller luminance";
const ALL_SAMPLINGS = { ...SAMPLINGS, [SMALL_LUMINANCE]: ["-sample", "1x1,2x2,1x1"] };
const VARIANTS = {
  "": [],
  " with a restart marker per row": ["-restart", "1"],
  " with restart markers within rows": ["-restart", "3B"],
  " with more MCUs than one between restart markers of two rows": ["-restart", "7B"],
  " with optimised tables": ["-optimize"],
  " in the highest quality": ["-quality", "100"],
  [LARGE_STEPS]: ["-quality", "1"],
};
const SIZES = [[160, 96], [131, 77], [33, 20]] as const;
/** Two rectangles that overlap, up to the last pixel. */
const TWO: readonly Rectangle[] = [
  { left: 30.5, top: 10, right: 60, bottom: 50 },
  { left: 50, top: 40.1, right: 100, bottom: 100 },
];
const MASKS: Record<string, readonly Rectangle[]> = {
  "at the left edge": [{ left: 0, top: 20, right: 30, bottom: 60 }],
  "of one pixel": [{ left: 50, top: 50, right: 50.01, bottom: 50.01 }],
  "of the whole picture": [{ left: 0, top: 0, right: 100, bottom: 100 }],
};
const TEXT: Overlay = { text: "%name %time", place: "top", camera: "Door" };
const NOON = new Date(2026, 10, 27, 12, 0, 0).getTime();

for (const [sampling, args] of Object.entries(ALL_SAMPLINGS)) {
  Deno.test({
    name: `Editor masks pictures in ${sampling}, and leaves the rest as it is`,
    ...needing("ffmpeg", ...LIBJPEG),
    async fn() {
      for (const [variant, more] of Object.entries(VARIANTS)) {
        await check({ args: [...args, ...more], size: [131, 77], mask: TWO }, variant);
      }
      for (const [name, mask] of Object.entries(MASKS)) {
        for (const size of SIZES) await check({ args, size, mask }, name);
      }
    },
  });

  Deno.test({
    name: `Editor writes a text into pictures in ${sampling}, and leaves the rest as it is`,
    ...needing(...LIBJPEG),
    async fn() {
      for (const place of ["top", "bottom"] as const) {
        const editor = new Editor(task({ overlay: { ...TEXT, place } }));
        for (const [variant, more] of Object.entries(VARIANTS)) {
          for (const [width, height] of SIZES) {
            const jpeg = await encode({ width, height, args: [...args, ...more] });
            const name = `${width}x${height}${variant}, ${place}`;
            const edited = expectEdited(editor.process(jpeg, NOON), name);
            const header = baselineOf(jpeg);
            const { area } = drawText(header, "DOOR 12:00:00", place)!;
            const [before, after] = [await greyPixels(jpeg), await greyPixels(edited)];
            assertSameOutside(after, before, [rimOf(header, inPixels(header, area))], name);
            // With the largest steps, and in half of the samples, letters are only shadows.
            if (variant === LARGE_STEPS || sampling === SMALL_LUMINANCE) continue;
            assert(isDarkAndLight(after, inPixels(header, area)), `${name}: not legible`);
          }
        }
      }
    },
  });
}

Deno.test({
  name: "Patcher ends a picture whose end it has not read like one that it has read",
  ...needing(...LIBJPEG),
  async fn() {
    const patcher = new Patcher(), headers = new HeaderReader();
    const text = { line: "DOOR", place: "top" } as const;
    for (const args of [...Object.values(ALL_SAMPLINGS), ["-restart", "1"], ["-optimize"]]) {
      for (let width = 64; width < 96; width += 3) {
        const jpeg = await encode({ width, height: 64, args });
        const read = headers.read(jpeg);
        assert(!("refused" in read));
        const patches = new PatchMaker([]).make(read.header, text);
        assert(!("refused" in patches));
        assertEquals(patches.isStrict, false);
        const whole = patcher.patch(jpeg, read.data, { ...patches, isStrict: true });
        assertEquals(patcher.patch(jpeg, read.data, patches), whole, `${args} ${width}`);
      }
    }
  },
});

Deno.test({
  name: "Editor writes letters on grey where a text is over a mask",
  ...needing(...LIBJPEG),
  async fn() {
    const jpeg = await encode({ width: 320, height: 200, args: ["-sample", "2x2"] });
    const mask = [{ left: 0, top: 0, right: 100, bottom: 30 }];
    const editor = new Editor(task({ mask, overlay: TEXT }));
    const { values, width } = await greyPixels(expectEdited(editor.process(jpeg, NOON), ""));
    const { area } = drawText(baselineOf(jpeg), "DOOR 12:00:00", "top")!;
    const rows = values.subarray(0, width * 16 * area.bottom);
    assert(rows.every((value) => value > 64), "the ground is not grey");
    assert(rows.filter((value) => value > 220).length > 100, "no letters");
    assert(values.subarray(rows.length, 3 * rows.length).every((value) => value === 128));
  },
});

Deno.test({
  name: "Editor adds symbols to Huffman tables that lack them, and changes nothing else",
  ...needing("ffmpeg", ...LIBJPEG),
  async fn() {
    // A picture of one level needs few symbols: its tables have no others.
    const flat = new Uint8Array(3 * 160 * 96).fill(90);
    const header = new TextEncoder().encode("P6\n160 96\n255\n");
    const file = Uint8Array.of(...header, ...flat);
    const mask = TWO;
    for (const args of [["-optimize"], ["-optimize", "-restart", "4B"]]) {
      const jpeg = await run("cjpeg", args, file);
      assert(jpeg.length < 1_000);
      const edited = expectEdited(
        new Editor(task({ mask, overlay: TEXT })).process(jpeg, NOON),
        "",
      );
      const box = inPixels(
        baselineOf(jpeg),
        drawText(baselineOf(jpeg), "DOOR 12:00:00", "top")!.area,
      );
      const before = await greyPixels(jpeg), after = await greyPixels(edited);
      assertSameOutside(after, before, [box, ...boxesOf(jpeg, mask)], `${args}`);
      assert(isDarkAndLight(after, box), "not legible");
    }
  },
});

Deno.test({
  name: "Editor removes all metadata, and adds headroom",
  ...needing(...LIBJPEG),
  async fn() {
    const thumbnail = await encode({ width: 32, height: 16 });
    const picture = await encode({ width: 64, height: 64 });
    const jpeg = withSegment(picture, exifWith({ thumbnail }));
    const edited = expectEdited(new Editor(task({ overlay: TEXT })).process(jpeg, NOON), "");
    const markers = [...segments(edited)].map(({ marker }) => marker);
    assertEquals(markers, [0xe0, 0xdb, 0xc0, 0xc4, 0xda]);
    assert(hasHeadroom(edited));
    const { byteOffset, length, buffer } = edited;
    assertEquals([byteOffset, buffer.byteLength], [HEADROOM, length + 2 * HEADROOM]);
  },
});

Deno.test({
  name: "Editor keeps no state from one picture to the next",
  ...needing(...LIBJPEG),
  async fn() {
    const mask = TWO;
    const editor = new Editor(task({ mask, overlay: TEXT }));
    const pictures = await Promise.all([
      encode({ width: 160, height: 96, args: ["-sample", "2x2"] }),
      encode({ width: 160, height: 96, args: ["-restart", "3B"] }),
      encode({ width: 131, height: 77, args: ["-grayscale"] }),
      encode({ width: 640, height: 480, args: ["-optimize"] }),
    ]);
    const cut = pictures[3]!.slice(0, 5_000);
    for (const jpeg of [...pictures, cut, ...pictures.toReversed(), cut, ...pictures]) {
      const fresh = new Editor(task({ mask, overlay: TEXT }));
      assertEquals(editor.process(jpeg, NOON), fresh.process(jpeg, NOON));
    }
  },
});

Deno.test({
  name: "Editor says why a picture cannot be masked",
  ...needing(...LIBJPEG),
  async fn() {
    const editor = new Editor(task({ mask: MASKS["at the left edge"]! }));
    const refused = async (...args: string[]) => {
      const result = editor.process(await encode({ width: 64, height: 48, args }), NOON);
      return "refused" in result ? result.refused : undefined;
    };
    assertEquals(await refused("-progressive"), "progressive JPEG");
    assertEquals(await refused("-arithmetic"), "JPEG with arithmetic coding");
    assertEquals(await refused("-baseline"), undefined);
    assertEquals(editor.process(Uint8Array.of(0xff, 0xd8), NOON), { refused: "damaged JPEG" });
  },
});

function task({ mask = [], overlay }: Partial<EditTask>): EditTask {
  return { type: "edit", orientation: UPRIGHT, mask, overlay };
}

function expectEdited(result: ReturnType<Editor["process"]>, name: string): Jpeg {
  assert("jpeg" in result, `${name}: ${(result as Refused).refused}`);
  return result.jpeg;
}

function baselineOf(jpeg: Jpeg): Baseline {
  const header = readBaseline(jpeg);
  assert(!("refused" in header));
  return header;
}

/** A rectangle in pixels. */
type Box = Rectangle;

function inPixels({ mcuWidth, mcuHeight }: Baseline, mcus: Rectangle): Box {
  return {
    left: mcus.left * mcuWidth,
    top: mcus.top * mcuHeight,
    right: mcus.right * mcuWidth,
    bottom: mcus.bottom * mcuHeight,
  };
}

function boxesOf(jpeg: Jpeg, mask: readonly Rectangle[]): Box[] {
  const header = baselineOf(jpeg);
  return maskedMcus(header, mask).map((mcus) => rimOf(header, inPixels(header, mcus)));
}

/** Returns a box with the pixels around it that decoders interpolate, if the luminance is smaller. */
function rimOf({ components, mcuWidth, mcuHeight }: Baseline, box: Box): Box {
  const { h, v } = components[0]!;
  const rim = h * 8 < mcuWidth || v * 8 < mcuHeight ? 1 : 0;
  return {
    left: box.left - rim,
    top: box.top - rim,
    right: box.right + rim,
    bottom: box.bottom + rim,
  };
}

interface MaskedPicture {
  /** Options of `cjpeg`. */
  readonly args: readonly string[];
  readonly size: readonly [width: number, height: number];
  readonly mask: readonly Rectangle[];
}

/** Asserts that decoders show grey in a mask, and the same luminance outside of its MCUs. */
async function check({ args, size, mask }: MaskedPicture, variant: string): Promise<void> {
  const [width, height] = size;
  const jpeg = await encode({ width, height, args });
  const name = `${width}x${height} ${args} ${variant}`;
  const edited = expectEdited(new Editor(task({ mask })).process(jpeg, NOON), name);
  const [before, after] = [await greyPixels(jpeg), await greyPixels(edited)];
  assertSameOutside(after, before, boxesOf(jpeg, mask), name);
  for (const rectangle of mask) assertLess(worstInside(after, rectangle), 2, name);
  if (args.join(" ").includes(ALL_SAMPLINGS[SMALL_LUMINANCE].join(" "))) return;
  const { output, warnings } = await decodeJpeg(edited);
  // ffmpeg misses the end of a stream of one picture without any FF in its data.
  assertEquals(warnings.filter((line) => !line.includes("EOI missing")), [], name);
  const luma = { width, height, values: output.subarray(0, width * height) };
  for (const rectangle of mask) assertLess(worstInside(luma, rectangle), 2, `${name}, ffmpeg`);
}

function assertSameOutside(after: Pixels, before: Pixels, boxes: readonly Box[], name: string) {
  const { width, height, values } = after;
  assertEquals([width, height], [before.width, before.height], name);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (values[y * width + x] === before.values[y * width + x]) continue;
      const isInside = boxes.some(({ left, top, right, bottom }) =>
        x >= left && x < right && y >= top && y < bottom
      );
      assert(isInside, `${name}: changed at ${x}, ${y}`);
    }
  }
}

function isDarkAndLight({ width, height, values }: Pixels, box: Box): boolean {
  let dark = 0, light = 0;
  for (let y = box.top; y < Math.min(box.bottom, height); y++) {
    for (let x = box.left; x < Math.min(box.right, width); x++) {
      if (values[y * width + x]! < 64) dark++;
      else if (values[y * width + x]! > 192) light++;
    }
  }
  return dark > 20 && light > 10;
}
