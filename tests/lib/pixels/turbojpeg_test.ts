import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { hasHeadroom } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { sizeOf } from "../../../lib/jpeg/segments.ts";
import { exifOrientation } from "../../../lib/pixels/exif_orientation.ts";
import { estimateQuality } from "../../../lib/pixels/quality.ts";
import { Renderer } from "../../../lib/pixels/renderer.ts";
import type { PictureWorker, Processed, Refused, RenderTask } from "../../../lib/pixels/task.ts";
import { openTurboJpeg, TURBOJPEG_EIGHTHS } from "../../../lib/pixels/turbojpeg_library.ts";
import { TurboJpegRenderer } from "../../../lib/pixels/turbojpeg_renderer.ts";
import { ffmpeg } from "../../ffmpeg.ts";
import { leftOut, needing } from "../../parts.ts";
import { Random } from "../../random.ts";
import { exifWith, withSegment } from "../jpeg/exif.ts";
import { decode, encode, LIBJPEG, run } from "./libjpeg.ts";
import { psnr, readPnm } from "./samples.ts";

const library = openTurboJpeg();
const needed = library || Deno.env.get("CI") === "true"
  ? needing(...LIBJPEG)
  : leftOut("libturbojpeg (libturbojpeg0)");

const SAMPLINGS = ["2x2", "2x1", "1x1", "1x2", "4x1"];

Deno.test({
  name: "libturbojpeg makes pictures smaller as libjpeg does",
  ...needed,
  async fn() {
    for (const sampling of SAMPLINGS) {
      for (const [width, height] of [[192, 96], [211, 119], [33, 64]] as const) {
        const jpeg = await encode({ width, height, args: ["-sample", sampling, "-quality", "98"] });
        for (const eighths of TURBOJPEG_EIGHTHS) {
          const name = `${sampling} ${width}x${height} ${eighths}/8`;
          const { jpeg: small, size } = await render(jpeg, {
            height: Math.ceil(height * eighths / 8),
          });
          assertEquals(size, sizeOf(small), name);
          assert(hasHeadroom(small), name);
          const args = ["-dct", "int", "-grayscale", "-pnm"];
          const expected = readPnm(await run("djpeg", ["-scale", `${eighths}/8`, ...args], jpeg));
          const actual = readPnm(await run("djpeg", args, small));
          assertEquals([actual.width, actual.height], [expected.width, expected.height], name);
          assertGreater(psnr(actual.samples, expected.samples), 40, name);
        }
      }
    }
  },
});

Deno.test({
  name: "libturbojpeg also makes progressive and grey pictures smaller, and keeps the orientation",
  ...needed,
  async fn() {
    const thumbnail = await encode({ width: 32, height: 16 });
    for (const args of [["-progressive"], ["-grayscale"]]) {
      const jpeg = await encode({ width: 320, height: 240, args });
      assertEquals((await render(jpeg, { height: 100 })).size, { width: 160, height: 120 });
      const turned = withSegment(jpeg, exifWith({ thumbnail }));
      const { jpeg: small } = await render(turned, { height: 100 });
      assertEquals(exifOrientation(small).rotation, 90);
      await decode(small);
    }
  },
});

Deno.test({
  name: "libturbojpeg encodes in the quality of the source, or in a lower one",
  ...needed,
  async fn() {
    for (const quality of [1, 30, 60, 75, 90, 100]) {
      const jpeg = await encode({
        width: 640,
        height: 480,
        args: ["-quality", `${quality}`, "-baseline"],
      });
      assertLessOrEqual(Math.abs(estimateQuality(jpeg) - quality), 1, `${quality}`);
      assertEquals(
        estimateQuality((await render(jpeg, { height: 240 })).jpeg),
        estimateQuality(jpeg),
      );
      const { jpeg: coarse } = await render(jpeg, { height: 240, quality: 40 });
      assertEquals(estimateQuality(coarse), Math.min(40, estimateQuality(jpeg)));
    }
  },
});

Deno.test({
  name: "libturbojpeg makes pictures of ffmpeg, with its tables, as small as TypeScript does",
  ...library ? needing("ffmpeg") : needed,
  async fn() {
    const { output: jpeg } = await ffmpeg([
      ...["-f", "lavfi", "-i", "testsrc2=size=1280x720,noise=alls=10,format=yuvj420p"],
      ...["-frames:v", "1", "-c:v", "mjpeg", "-q:v", "6", "-f", "mjpeg", "pipe:1"],
    ]);
    const task = { type: "render", height: 360, quality: undefined, overlay: undefined } as const;
    const { jpeg: other } = processed(new Renderer(task).process(jpeg, 0));
    const { jpeg: small } = await render(jpeg, { height: 360 });
    assertLessOrEqual(small.length, other.length * 1.1);
    assertGreater(small.length, other.length * 0.8);
  },
});

Deno.test({
  name: "libturbojpeg leaves pictures of the requested size to the other engine",
  ...needed,
  async fn() {
    const jpeg = await encode({ width: 64, height: 48 });
    const { jpeg: same, size } = await render(jpeg, { height: 48 });
    assertEquals([same, size], [jpeg, { width: 64, height: 48 }]);
  },
});

Deno.test({
  name: "libturbojpeg leaves pictures with other colours to the other engine",
  ...needed,
  async fn() {
    const jpeg = await encode({ width: 64, height: 48, args: ["-rgb"] });
    const { jpeg: small, size } = await render(jpeg, { height: 24 });
    assertEquals([size, sizeOf(small)], [{ width: 32, height: 24 }, { width: 32, height: 24 }]);
    await decode(small);
    using renderer = rendererOf({ height: 24 });
    const arithmetic = await encode({ width: 64, height: 48, args: ["-rgb", "-arithmetic"] });
    assertEquals(await renderer.process(arithmetic, 0), { refused: "JPEG with arithmetic coding" });
  },
});

Deno.test({
  name: "libturbojpeg refuses or renders damaged pictures",
  ...needed,
  async fn() {
    const random = new Random(16);
    const samples = await Promise.all(
      [["-sample", "2x2"], ["-restart", "5B"], ["-grayscale"]].map((args) =>
        encode({ width: 320, height: 200, args })
      ),
    );
    using renderer = rendererOf({ height: 100 });
    const counts = { rendered: 0, refused: 0 };
    for (let round = 0; round < 300; round++) {
      const damaged = random.of(samples).slice(0, random.integer(200, 20_000));
      for (let i = 0; i < 4; i++) damaged[random.integer(700, 20_000)] = random.integer(0, 255);
      const result = await renderer.process(damaged, 0);
      if ("refused" in result) counts.refused++;
      else counts.rendered++;
    }
    assertEquals(await renderer.process(samples[0]!.subarray(0, 100), 0), {
      refused: "damaged JPEG",
    });
    assertGreater(counts.rendered, 100);
  },
});

Deno.test({
  name: "libturbojpeg ends a picture in work when its task is closed",
  ...needed,
  async fn() {
    const jpeg = await encode({ width: 1280, height: 720 });
    const renderer = rendererOf({ height: 360 });
    const pending = renderer.process(jpeg, 0);
    renderer[Symbol.dispose]();
    assertEquals(await pending, { refused: "the task is closed" });
    assertEquals(await renderer.process(jpeg, 0), { refused: "the task is closed" });
    renderer[Symbol.dispose]();
  },
});

function rendererOf({ height, quality }: { height?: number; quality?: number }): PictureWorker {
  const task: RenderTask = { type: "render", height, quality, overlay: undefined };
  return new TurboJpegRenderer(task, { library: library!, openOther });
}

function openOther(task: RenderTask): PictureWorker {
  const renderer = new Renderer(task);
  return {
    process: (jpeg, capturedAt) => Promise.resolve(renderer.process(jpeg, capturedAt)),
    [Symbol.dispose]() {},
  };
}

async function render(
  jpeg: Jpeg,
  task: { height?: number; quality?: number },
): Promise<Processed> {
  using renderer = rendererOf(task);
  return processed(await renderer.process(jpeg, 0));
}

function processed(result: Processed | Refused): Processed {
  if ("refused" in result) throw new Error(result.refused);
  return result;
}
