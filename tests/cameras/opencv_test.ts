import {
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import opencv from "../../cameras/opencv.ts";
import { configureDriver } from "../../lib/camera/open.ts";
import { CameraError } from "../../lib/errors.ts";
import type { Jpeg } from "../../lib/frame.ts";
import { sizeOf } from "../../lib/jpeg/segments.ts";
import { decodeJpeg } from "../ffmpeg.ts";
import { needing, PYTHON } from "../parts.ts";
import { testConformance } from "./conformance.ts";

const { ignore } = needing(PYTHON, "ffmpeg", await hasOpenCv() ? PYTHON : "python3-opencv");

testConformance({ source: "opencv, with a video file", driver: opencv, ignore, setUp });

Deno.test({
  name: "opencv plays a file in a loop at the requested frame rate, rotation and quality",
  ignore,
  fn: async () => {
    await using video = await setUp(); // 5 frames long
    const settings = { ...video.env, FPS: "25", ROTATE: "90" };
    const startedAt = performance.now();
    const highQuality = await captureFrames({ ...settings, QUALITY: "95" }, 12);
    // From the first frame to the twelfth there are eleven pauses of 40 ms.
    assertGreater(performance.now() - startedAt, 11 * 40);
    assertEquals(
      highQuality.map((jpeg) => sizeOf(jpeg)),
      Array(12).fill({ width: 120, height: 160 }),
    );
    const [lowQuality] = await captureFrames({ ...settings, QUALITY: "10" }, 1);
    assertGreater(highQuality[0]!.length, 2 * lowQuality!.length);
  },
});

Deno.test({
  name: "opencv turns pictures before it encodes them: rotated, then flipped",
  ignore,
  fn: async () => {
    await using video = await setUp();
    const capture = async (env: Record<string, string>) => {
      const settings = { ...video.env, ...env };
      const { orientation } = configureDriver(opencv, {
        ...{ name: "opencv", env: settings, isBuiltIn: true },
      });
      assertEquals(orientation, opencv.configure(settings).orientation);
      return (await captureFrames(settings, 1))[0]!;
    };
    assertEquals(await capture({ FLIP: "both" }), await capture({ ROTATE: "180" }));
    const turned = { ROTATE: "90", FLIP: "vertical" };
    assertEquals(await capture(turned), await capture({ ROTATE: "270", FLIP: "horizontal" }));
    const plain = await decodeRows(await capture({}));
    const mirrored = await decodeRows(await capture({ FLIP: "horizontal" }));
    assertLess(difference(mirrored, plain.map((row) => row.toReversed())), 3);
    assertGreater(difference(mirrored, plain), 10);
  },
});

Deno.test({
  name: "opencv reports why it has no frames, with a hint",
  ignore,
  fn: async () => {
    await using video = await setUp();
    const broken = `${video.folder}/broken.avi`;
    await Deno.writeTextFile(broken, "no video at all");
    const cases: [Record<string, string>, string, string, boolean][] = [
      [{ SOURCE: "97" }, "could not open camera 97", "plugged in", false],
      [{ SOURCE: broken }, "could not open camera", "SOURCE", false],
      [{ PYTHON: `${video.folder}/python` }, "cv2 missing", "python3-opencv", true],
      [{ PYTHON: "/nonexistent/python" }, "Cannot find", "python3-opencv", true],
    ];
    for (const [env, message, hint, permanent] of cases) {
      const error: CameraError = await assertRejects(() => captureFrames(env, 1), CameraError);
      assertStringIncludes(error.message, message);
      assertStringIncludes(error.hint ?? "", hint);
      assertEquals(error.permanent, permanent);
    }
  },
});

async function captureFrames(env: Record<string, string>, count: number): Promise<Jpeg[]> {
  const frames: Jpeg[] = [];
  for await (const jpeg of opencv.open(opencv.configure(env), new AbortController().signal)) {
    if (frames.push(jpeg) === count) break;
  }
  return frames;
}

/** Returns the luminance of a JPEG of 160x120 pixels, row by row. */
async function decodeRows(jpeg: Jpeg): Promise<Uint8Array[]> {
  const { output } = await decodeJpeg(jpeg);
  return Array.from({ length: 120 }, (_, y) => output.subarray(y * 160, (y + 1) * 160));
}

/** Returns the mean difference of two pictures. */
function difference(a: Uint8Array[], b: Uint8Array[]): number {
  const differences = a.flatMap((row, y) =>
    [...row].map((value, x) => Math.abs(value - b[y]![x]!))
  );
  return differences.reduce((sum, one) => sum + one) / differences.length;
}

/** Creates a video of 5 frames, and a Python without OpenCV. */
async function setUp() {
  const folder = await Deno.makeTempDir();
  const source = `${folder}/video.avi`;
  const pattern = "testsrc=size=160x120:rate=25:duration=0.2";
  const args = ["-v", "error", "-f", "lavfi", "-i", pattern, "-c:v", "mjpeg", "-q:v", "2", source];
  await new Deno.Command("ffmpeg", { args }).output();
  // -S -I: without third-party modules.
  await Deno.writeTextFile(`${folder}/python`, `#!/bin/sh\nexec ${PYTHON} -S -I "$@"\n`);
  await Deno.chmod(`${folder}/python`, 0o755);
  return {
    folder,
    env: { SOURCE: source, FPS: "30" },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function hasOpenCv(): Promise<boolean> {
  const command = new Deno.Command(PYTHON, { args: ["-c", "import cv2"], stderr: "null" });
  return (await command.output().catch(() => undefined))?.success ?? false;
}
