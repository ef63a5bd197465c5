import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import usb from "../../cameras/usb.ts";
import { configureDriver } from "../../lib/camera/open.ts";
import { CameraError } from "../../lib/errors.ts";
import { sizeOf } from "../../lib/jpeg/segments.ts";
import { needing } from "../parts.ts";
import { testConformance } from "./conformance.ts";
import { withEnvironment } from "./stand_in.ts";

// Tests that need a real device are in usb_device_test.ts.
const ignore = Deno.build.os !== "linux" || needing("ffmpeg").ignore;
const REAL_PATH = Deno.env.get("PATH") ?? "";
const MJPEG = "[v4l2 @ 0] Compressed:       mjpeg :          Motion-JPEG : 320x240 640x480";
const RAW = "[v4l2 @ 0] Raw       :     yuyv422 :           YUYV 4:2:2 : 160x120 320x240";

testConformance({
  source: "usb, with ffmpeg's test pattern instead of a webcam",
  driver: usb,
  ignore,
  setUp: () => setUp({ list: `${RAW}\n${MJPEG}`, env: { WIDTH: "320", HEIGHT: "240" } }),
});

Deno.test({
  name: "usb copies a webcam's JPEGs in the offered size nearest to the requested size",
  ignore,
  fn: async () => {
    await using webcam = await setUp({
      list: `${RAW}\n${MJPEG}`,
      env: { WIDTH: "600", HEIGHT: "400" },
    });
    assertEquals(sizeOf(await webcam.first()), { width: 640, height: 480 });
    const args = await webcam.lastStart();
    assertStringIncludes(args, "-f v4l2 -input_format mjpeg -video_size 640x480 -framerate 30");
    assertStringIncludes(args, "-i /dev/video3 -c:v copy -f mjpeg");
  },
});

Deno.test({
  name: "usb skips the first frame, which is often damaged, but not at a low frame rate",
  ignore,
  fn: async () => {
    const damaged = {
      list: MJPEG,
      first: new URL("../../cameras/emulated/1.jpg", import.meta.url),
    };
    const env = { WIDTH: "320" };
    await using webcam = await setUp({ ...damaged, env });
    assertEquals(sizeOf(await webcam.first()), { width: 320, height: 240 });
    await using slow = await setUp({ ...damaged, env: { ...env, FPS: "0.2" } });
    assertEquals(sizeOf(await slow.first()), { width: 640, height: 480 });
  },
});

Deno.test({
  name: "usb requests the configured or default size from a webcam whose sizes are unknown",
  ignore,
  fn: async () => {
    const list = "[v4l2 @ 0] Compressed: mjpeg : Motion-JPEG : {32-2592, 2}x{32-1944, 2}";
    await using webcam = await setUp({ list });
    assertEquals(sizeOf(await webcam.first()), { width: 1280, height: 720 });
    await using requested = await setUp({ list, env: { WIDTH: "322", HEIGHT: "242" } });
    assertEquals(sizeOf(await requested.first()), { width: 322, height: 242 });
    await using unknown = await setUp({ list: "nothing" });
    assertEquals(sizeOf(await unknown.first()), { width: 640, height: 480 });
  },
});

Deno.test({
  name: "usb encodes raw frames in the requested quality",
  ignore,
  fn: async () => {
    await using webcam = await setUp({ list: RAW, env: { QUALITY: "50" } });
    assertEquals(sizeOf(await webcam.first()), { width: 320, height: 240 });
    const args = await webcam.lastStart();
    assertStringIncludes(args, "-f v4l2 -video_size 320x240 -framerate 30 -i");
    assertStringIncludes(args, "-c:v mjpeg -q:v 17");
  },
});

Deno.test({
  name: "usb leaves rotation to the server, so that JPEGs are not encoded again",
  ignore,
  fn: async () => {
    const env = { ROTATE: "90", FLIP: "vertical" };
    await using webcam = await setUp({ list: MJPEG, env });
    assertEquals(sizeOf(await webcam.first()), { width: 640, height: 480 });
    assertStringIncludes(await webcam.lastStart(), "-c:v copy");
    const { orientation } = configureDriver(usb, { name: "usb", env: webcam.env, isBuiltIn: true });
    assertEquals(orientation, undefined);
  },
});

Deno.test({
  name: "usb reports why it has no frames, with a hint",
  ignore,
  fn: async () => {
    const cases: [string, number, string][] = [
      ["/dev/video3: Device or resource busy", 1, "fuser -v /dev/video3"],
      ["[v4l2] Cannot open video device /dev/video3: Permission denied", 1, "usermod -aG video"],
      ["[v4l2] Cannot open video device /dev/video3: No such file or directory", 1, "plugged in"],
      ["ioctl(VIDIOC_STREAMON): No space left on device", 1, "USB port"],
      ["ioctl(VIDIOC_DQBUF): No such device", 0, "plugged in"], // ffmpeg then exits with 0
    ];
    for (const [stderr, code, hint] of cases) {
      await using webcam = await setUp({ list: MJPEG, stderr, code });
      const error: CameraError = await assertRejects(() => webcam.first(), CameraError);
      assertStringIncludes(error.message, stderr);
      assertStringIncludes(error.hint ?? "", hint);
      assertEquals(error.permanent, false);
    }
  },
});

Deno.test({
  name: "usb reports that ffmpeg is missing, as a permanent failure",
  ignore,
  fn: async () => {
    using _ = withEnvironment({ PATH: "/nonexistent" });
    const images = usb.open(usb.configure({ SOURCE: "0" }), new AbortController().signal);
    const error: CameraError = await assertRejects(() => Array.fromAsync(images), CameraError);
    assertStringIncludes(error.message, "Cannot find ffmpeg");
    assertEquals(error.permanent, true);
  },
});

interface WebcamOptions {
  /** What ffmpeg prints as the list of formats. */
  list: string;
  env?: Record<string, string>;
  /** An image that the webcam sends before all others. */
  first?: URL;
  /** An error that ffmpeg prints instead of capturing frames. */
  stderr?: string;
  /** The exit code after that error. */
  code?: number;
}

/**
 * Puts a fake "ffmpeg" first in PATH, which captures the real ffmpeg's test pattern as a webcam.
 */
async function setUp({ list, env, first, stderr = "", code = 0 }: WebcamOptions) {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/ffmpeg`,
    `#!/bin/sh
case "$*" in *-list_formats*) printf '%s\\n' "$LIST" >&2; exit 1;; esac
echo "$*" >> "${folder}/log"
[ -n "$ERROR" ] && { echo "$ERROR" >&2; exit $CODE; }
size=$(echo "$*" | sed -n 's/.*-video_size \\([0-9x]*\\).*/\\1/p')
[ -n "$FIRST" ] && cat "$FIRST"
PATH=$REAL_PATH exec ffmpeg -loglevel error -re -f lavfi -i "testsrc=size=$size:rate=30" -c:v mjpeg -q:v 5 -f mjpeg -
`,
  );
  await Deno.chmod(`${folder}/ffmpeg`, 0o755);
  const environment = withEnvironment({
    PATH: `${folder}:${REAL_PATH}`,
    REAL_PATH,
    LIST: list,
    FIRST: first?.pathname ?? "",
    ERROR: stderr,
    CODE: `${code}`,
  });
  const settings = { SOURCE: "3", ...env };
  return {
    env: settings,
    async first() {
      const { signal } = new AbortController();
      for await (const jpeg of usb.open(usb.configure(settings), signal)) return jpeg;
      throw new Error("The camera sent no frame");
    },
    lastStart: async () => (await Deno.readTextFile(`${folder}/log`)).trim().split("\n").at(-1)!,
    async [Symbol.asyncDispose]() {
      environment[Symbol.dispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
