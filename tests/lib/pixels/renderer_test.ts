import { assert, assertEquals, assertGreater, assertLess, assertStrictEquals } from "@std/assert";
import { hasHeadroom, HEADROOM } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { segments, sizeOf } from "../../../lib/jpeg/segments.ts";
import { readBaseline } from "../../../lib/pixels/baseline.ts";
import { exifOrientation } from "../../../lib/pixels/exif_orientation.ts";
import { Renderer } from "../../../lib/pixels/renderer.ts";
import { EIGHTHS } from "../../../lib/pixels/scaled_size.ts";
import { UPRIGHT } from "../../../lib/pixels/orientation.ts";
import type { Processed, Refused, RenderTask } from "../../../lib/pixels/task.ts";
import { needing } from "../../parts.ts";
import { Random } from "../../random.ts";
import { exifWith, withSegment } from "../jpeg/exif.ts";
import { inTime } from "./in_time.ts";
import { decode, encode, LIBJPEG, run, SAMPLINGS } from "./libjpeg.ts";
import { crop, psnr, readPnm, reduce } from "./samples.ts";

const ALL_SAMPLINGS = { ...SAMPLINGS, "RGB": ["-rgb"] };
const VARIANTS = {
  "": ["-quality", "98"],
  " with restart markers": ["-quality", "98", "-restart", "3B"],
  " with optimised tables": ["-quality", "98", "-optimize"],
  " of quality 75": [],
};

for (const [sampling, args] of Object.entries(ALL_SAMPLINGS)) {
  Deno.test({
    name: `Renderer makes pictures in ${sampling} smaller by their lower frequencies`,
    ...needing(...LIBJPEG),
    async fn() {
      for (const [variant, more] of Object.entries(VARIANTS)) {
        for (const [width, height] of [[192, 96], [211, 119], [33, 64]] as const) {
          const jpeg = await encode({ width, height, args: [...args, ...more] });
          for (const eighths of EIGHTHS) {
            const name = `${width}x${height}${variant} ${eighths}/8`;
            const { jpeg: small, size } = render(jpeg, { height: Math.ceil(height * eighths / 8) });
            assertEquals(size, sizeOf(small), name);
            const options = sampling === "RGB" ? [] : ["-grayscale"];
            const decodeSamples = async (jpeg: Jpeg) =>
              readPnm(await run("djpeg", ["-dct", "int", "-pnm", ...options], jpeg));
            const expected = reduce(await decodeSamples(jpeg), eighths);
            const actual = await decodeSamples(small);
            assertEquals([actual.width, actual.height], [expected.width, expected.height], name);
            const quality = more.length > 0 ? 43 : 31;
            assertGreater(psnr(actual.samples, expected.samples), quality, name);
            // The last row and column: what is behind them must not show.
            const { width: right, height: bottom } = actual;
            for (
              const edge of [{ left: right - 1, right, bottom }, { top: bottom - 1, right, bottom }]
            ) {
              assertGreater(psnr(crop(actual, edge), crop(expected, edge)), quality - 4, name);
            }
          }
        }
      }
    },
  });
}

Deno.test({
  name: "Renderer shows nothing of what is behind the edges",
  ...needing(...LIBJPEG),
  async fn() {
    const [width, height] = [35, 37];
    const header = new TextEncoder().encode(`P5\n${width} ${height}\n255\n`);
    const bright = Uint8Array.of(...header, ...Array(width * height).fill(220));
    const jpeg = await run("cjpeg", ["-quality", "15"], bright);
    for (const eighths of EIGHTHS) {
      const small = render(jpeg, { height: Math.ceil(height * eighths / 8) }).jpeg;
      const { samples } = readPnm(await decode(small));
      const [first] = samples;
      assert(samples.every((sample) => sample === first), `${eighths}/8: ${samples}`);
    }
  },
});

Deno.test({
  name: "Renderer keeps the colours",
  ...needing(...LIBJPEG),
  async fn() {
    for (const [sampling, args] of Object.entries(ALL_SAMPLINGS)) {
      const jpeg = await encode({ width: 640, height: 352, args: [...args, "-quality", "98"] });
      const small = render(jpeg, { height: 132 }).jpeg;
      const expected = readPnm(await run("djpeg", ["-scale", "3/8", "-pnm"], jpeg));
      // libjpeg makes colours of a lower resolution less small.
      const minimum = ["4:4:4", "grey", "RGB"].includes(sampling) ? 40 : 24;
      assertGreater(
        psnr(readPnm(await decode(small)).samples, expected.samples),
        minimum,
        sampling,
      );
    }
  },
});

Deno.test({
  name: "Renderer makes the smallest size that is at least as high as requested",
  ...needing(...LIBJPEG),
  async fn() {
    const jpeg = await encode({ width: 132, height: 100 });
    for (const [height, expected] of [[1, 13], [13, 13], [14, 25], [26, 38], [39, 50], [50, 50]]) {
      assertEquals(render(jpeg, { height }).size.height, expected);
    }
    for (const height of [51, 100, 2_000, undefined]) {
      const { jpeg: same, size } = render(jpeg, { height });
      assertStrictEquals(same, jpeg);
      assertEquals(size, { width: 132, height: 100 });
    }
  },
});

Deno.test({
  name: "Renderer quantizes with the tables of libjpeg, at any quality",
  ...needing(...LIBJPEG),
  async fn() {
    const best = await encode({
      width: 320,
      height: 240,
      args: ["-quality", "100", "-sample", "1x1"],
    });
    const pixels = await decode(best);
    for (const quality of [1, 10, 30, 49, 50, 60, 75, 95, 99]) {
      const { jpeg } = render(best, { quality });
      const expected = await run(
        "cjpeg",
        ["-quality", `${quality}`, "-baseline", "-sample", "1x1"],
        pixels,
      );
      assertEquals(tablesOf(jpeg), tablesOf(expected), `quality ${quality}`);
      const own = psnr(await decode(jpeg), pixels), other = psnr(await decode(expected), pixels);
      assertLess(Math.abs(own - other), 1, `quality ${quality}: ${own} dB, ${other} dB`);
      assertLess(Math.abs(jpeg.length / expected.length - 1), 0.1, `quality ${quality}`);
    }
    assertStrictEquals(render(best, { quality: 100 }).jpeg, best);
  },
});

Deno.test({
  name: "Renderer never quantizes finer than the camera",
  ...needing(...LIBJPEG),
  async fn() {
    const jpeg = await encode({ width: 320, height: 240, args: ["-quality", "40"] });
    for (const quality of [40, 41, 75, 100]) {
      assertStrictEquals(render(jpeg, { quality }).jpeg, jpeg);
    }
    assertEquals(tablesOf(render(jpeg, { height: 120, quality: 90 }).jpeg), tablesOf(jpeg));
    const coarse = render(jpeg, { height: 120, quality: 20 }).jpeg;
    assertLess(coarse.length, render(jpeg, { height: 120 }).jpeg.length * 0.8);
    const wide = await encode({ width: 320, height: 240, args: ["-quality", "1"] });
    for (const task of [{ height: 120 }, { quality: 1, height: 120 }]) {
      const small = render(wide, task).jpeg;
      assertEquals(tablesOf(small), tablesOf(wide));
      await run("djpeg", ["-pnm"], small);
    }
  },
});

Deno.test({
  name: "Renderer keeps the EXIF orientation, JFIF and Adobe segments, and nothing else",
  ...needing(...LIBJPEG),
  async fn() {
    const thumbnail = await encode({ width: 32, height: 16 });
    const jpeg = withSegment(await encode({ width: 64, height: 64 }), exifWith({ thumbnail }));
    for (const task of [{ height: 32 }, { quality: 5 }]) {
      const small = render(jpeg, task).jpeg;
      const markers = [...segments(small)].map(({ marker }) => marker);
      assertEquals(markers, [0xe0, 0xe1, 0xdb, 0xc0, 0xc4, 0xda]);
      assertEquals(exifOrientation(small), exifOrientation(jpeg));
      assertEquals(exifOrientation(small).rotation, 90);
      assert(hasHeadroom(small));
      const { byteOffset, buffer, length } = small;
      assertEquals([byteOffset, buffer.byteLength], [HEADROOM, length + 2 * HEADROOM]);
    }
    const rgb = render(await encode({ width: 64, height: 64, args: ["-rgb"] }), { height: 32 });
    assertEquals([...segments(rgb.jpeg)][0]!.marker, 0xee);
  },
});

Deno.test({
  name: "Renderer writes a text into the small picture, upright",
  ...needing(...LIBJPEG),
  async fn() {
    const overlay = { text: "%name", place: "top", camera: "front" } as const;
    const jpeg = await encode({ width: 640, height: 480, args: ["-sample", "2x2"] });
    for (const task of [{ height: 240 }, { quality: 30 }, {}]) {
      const plain = readPnm(await decode(render(jpeg, task).jpeg));
      const { jpeg: withText, size } = processed(rendererOf({ ...task, overlay }).process(jpeg, 0));
      const actual = readPnm(await decode(withText));
      assertEquals(size, { width: plain.width, height: plain.height });
      const half = plain.height / 2, right = plain.width, bottom = plain.height;
      const top = { right, bottom: half }, below = { top: half, right, bottom };
      assertLess(psnr(crop(actual, top), crop(plain, top)), 30);
      assertEquals(crop(actual, below), crop(plain, below));
    }
    const thumbnail = await encode({ width: 32, height: 16 });
    const turned = withSegment(jpeg, exifWith({ thumbnail }));
    const result = processed(rendererOf({ height: 240, overlay }).process(turned, 0));
    assertEquals(result.size, { width: 240, height: 320 });
    assertEquals(exifOrientation(result.jpeg), UPRIGHT);
  },
});

Deno.test({
  name: "Renderer follows a camera that changes size, tables and orientation",
  ...needing(...LIBJPEG),
  async fn() {
    const renderer = rendererOf({ height: 50 });
    const thumbnail = await encode({ width: 32, height: 16 });
    const first = await encode({ width: 132, height: 100, args: ["-optimize"] });
    const second = await encode({ width: 264, height: 200, args: ["-sample", "1x1"] });
    const turned = withSegment(first, exifWith({ thumbnail }));
    for (const jpeg of [first, second, turned, first]) {
      const { jpeg: small } = processed(renderer.process(jpeg, 0));
      const alone = render(jpeg, { height: 50 });
      assertEquals(small, alone.jpeg);
    }
  },
});

Deno.test({
  name: "Renderer refuses what is not a baseline JPEG, and says why",
  ...needing(...LIBJPEG),
  async fn() {
    const args = { progressive: ["-progressive"], arithmetic: ["-arithmetic"] };
    const refusals = { progressive: "progressive JPEG", arithmetic: "JPEG with arithmetic coding" };
    for (const kind of ["progressive", "arithmetic"] as const) {
      const jpeg = await encode({ width: 64, height: 64, args: args[kind] });
      assertEquals(rendererOf({ height: 32 }).process(jpeg, 0), { refused: refusals[kind] });
    }
    const huge = (await encode({ width: 64, height: 64 })).slice();
    const { start } = [...segments(huge)].find(({ marker }) => marker === 0xc0)!;
    huge.set([0x1f, 0xff, 0x1f, 0xff], start + 5); // 8191 x 8191 pixels
    assertEquals(rendererOf({ height: 4_096 }).process(huge, 0), { refused: "damaged JPEG" });
  },
});

Deno.test({
  name: "Renderer renders a cut picture as far as it goes, the rest in one colour",
  ...needing(...LIBJPEG),
  async fn() {
    const jpeg = await encode({ width: 640, height: 480, args: ["-quality", "98"] });
    const renderer = rendererOf({ height: 240 });
    const whole = readPnm(await decode(processed(renderer.process(jpeg, 0)).jpeg));
    const cut = jpeg.slice(0, jpeg.length / 2);
    const half = readPnm(await decode(processed(renderer.process(cut, 0)).jpeg));
    const top = { right: 320, bottom: 96 };
    assertGreater(psnr(crop(half, top), crop(whole, top)), 60);
    const bottom = crop(half, { top: 160, right: 320, bottom: 240 });
    assert(bottom.every((value) => Math.abs(value - 128) <= 1));
    const coarse = processed(rendererOf({ quality: 90 }).process(cut, 0));
    assertEquals(readPnm(await decode(coarse.jpeg)).height, 480);
  },
});

Deno.test({
  name: "Renderer renders or refuses damaged pictures, soon and without an exception",
  ...needing(...LIBJPEG),
  async fn() {
    const random = new Random(161);
    const samples = await Promise.all(
      [["-sample", "2x2"], ["-restart", "5B"], ["-optimize"], ["-grayscale"], ["-sample", "4x1"]]
        .map(
          (args) => encode({ width: 320, height: 200, args }),
        ),
    );
    const renderers = [
      ...EIGHTHS.map((eighths) => rendererOf({ height: 25 * eighths })),
      ...[5, 90].map((quality) => rendererOf({ quality })),
      rendererOf({ height: 100, quality: 5 }),
    ];
    const counts = { rendered: 0, refused: 0 };
    for (let round = 0; round < 2_000; round++) {
      const damaged = damage(random, random.of(samples));
      const renderer = random.of(renderers);
      const result = inTime(() => renderer.process(damaged, 0));
      if ("refused" in result) counts.refused++;
      else {
        counts.rendered++;
        // What has been encoded again is whole.
        if (result.jpeg !== damaged && round % 30 === 0) await run("djpeg", ["-pnm"], result.jpeg);
      }
    }
    assert(counts.rendered > 100 && counts.refused > 100, JSON.stringify(counts));
  },
});

function damage(random: Random, jpeg: Jpeg): Jpeg {
  const damaged = random.oneIn(4) ? jpeg.slice(0, random.integer(0, jpeg.length)) : jpeg.slice();
  // Half of the damages are in the header, so that not all are in the data.
  const end = random.oneIn(2) ? Math.min(700, damaged.length) : damaged.length;
  for (let i = random.integer(1, 8); i > 0; i--) {
    damaged[random.integer(2, Math.max(2, end - 1))] = random.integer(0, 255);
  }
  return damaged;
}

function rendererOf(task: Partial<RenderTask>): Renderer {
  const { height, quality, overlay } = task;
  return new Renderer({ type: "render", height, quality, overlay });
}

function render(jpeg: Jpeg, task: Partial<RenderTask>): Processed {
  return processed(rendererOf(task).process(jpeg, 0));
}

function processed(result: Processed | Refused): Processed {
  if ("refused" in result) throw new Error(result.refused);
  return result;
}

/** Returns the quantization table of each component. */
function tablesOf(jpeg: Jpeg): number[][] {
  const baseline = readBaseline(jpeg);
  if ("refused" in baseline) throw new Error(baseline.refused);
  return baseline.components.map(({ tq }) => [...baseline.quantization[tq]!]);
}
