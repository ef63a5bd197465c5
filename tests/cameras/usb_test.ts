import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import usb from "../../cameras/usb.ts";
import { CameraError } from "../../lib/errors.ts";
import { sizeOf } from "../../lib/jpeg/segments.ts";
import { needing } from "../parts.ts";
import { testConformance } from "./conformance.ts";
import { withEnvironment } from "./stand_in.ts";

// What needs a real device is in usb_device_test.ts.
const ignore = Deno.build.os !== "linux" || needing("ffmpeg").ignore;
const REAL_PATH = Deno.env.get("PATH") ?? "";
const MJPEG = "[v4l2 @ 0] Compressed:       mjpeg :          Motion-JPEG : 320x240 640x480";
const RAW = "[v4l2 @ 0] Raw       :     yuyv422 :           YUYV 4:2:2 : 160x120 320x240";

testConformance({
  behind: "usb, with ffmpeg's test pattern in place of a webcam",
  driver: usb,
  ignore,
  setUp: () => setUp({ list: `${RAW}\n${MJPEG}`, env: { WIDTH: "320", HEIGHT: "240" } }),
});

Deno.test({
  name: "usb passes on a webcam's own JPEGs in the offered size nearest to the wish",
  ignore,
  fn: async () => {
    await using webcam = await setUp({
      list: `${RAW}\n${MJPEG}`,
      env: { WIDTH: "600", HEIGHT: "400" },
    });
    assertEquals(sizeOf(await webcam.first()), { width: 640, height: 480 });
    const started = await webcam.lastStart();
    assertStringIncludes(started, "-f v4l2 -input_format mjpeg -video_size 640x480 -framerate 30");
    assertStringIncludes(started, "-i /dev/video3 -c:v copy -f mjpeg");
  },
});

Deno.test({
  name:
    "usb leaves out the first picture, which webcams often damage, but not of one in many seconds",
  ignore,
  fn: async () => {
    const odd = { list: MJPEG, first: new URL("../../cameras/emulated/1.jpg", import.meta.url) };
    const env = { WIDTH: "320" };
    await using webcam = await setUp({ ...odd, env });
    assertEquals(sizeOf(await webcam.first()), { width: 320, height: 240 });
    await using slow = await setUp({ ...odd, env: { ...env, FPS: "0.2" } });
    assertEquals(sizeOf(await slow.first()), { width: 640, height: 480 });
  },
});

Deno.test({
  name: "usb asks a webcam of ranges, or of sizes unknown, for the wished size or the usual one",
  ignore,
  fn: async () => {
    const list = "[v4l2 @ 0] Compressed: mjpeg : Motion-JPEG : {32-2592, 2}x{32-1944, 2}";
    await using webcam = await setUp({ list });
    assertEquals(sizeOf(await webcam.first()), { width: 1280, height: 720 });
    await using wished = await setUp({ list, env: { WIDTH: "322", HEIGHT: "242" } });
    assertEquals(sizeOf(await wished.first()), { width: 322, height: 242 });
    await using unknown = await setUp({ list: "nothing" });
    assertEquals(sizeOf(await unknown.first()), { width: 640, height: 480 });
  },
});

Deno.test({
  name: "usb encodes in the wished quality what a webcam gives raw, and what is to be turned",
  ignore,
  fn: async () => {
    {
      await using webcam = await setUp({ list: RAW, env: { QUALITY: "50" } });
      assertEquals(sizeOf(await webcam.first()), { width: 320, height: 240 });
      const started = await webcam.lastStart();
      assertStringIncludes(started, "-f v4l2 -video_size 320x240 -framerate 30 -i");
      assertStringIncludes(started, "-c:v mjpeg -q:v 17");
    }
    await using turned = await setUp({ list: MJPEG, env: { ROTATE: "90" } });
    assertEquals(sizeOf(await turned.first()), { width: 480, height: 640 });
    assertStringIncludes(await turned.lastStart(), "-input_format mjpeg");
  },
});

Deno.test({
  name: "usb says why there is no picture, and what to do about it",
  ignore,
  fn: async () => {
    const cases: [string, number, string][] = [
      ["/dev/video3: Device or resource busy", 1, "fuser -v /dev/video3"],
      ["[v4l2] Cannot open video device /dev/video3: Permission denied", 1, "usermod -aG video"],
      ["[v4l2] Cannot open video device /dev/video3: No such file or directory", 1, "plugged in"],
      ["ioctl(VIDIOC_STREAMON): No space left on device", 1, "USB port"],
      ["ioctl(VIDIOC_DQBUF): No such device", 0, "plugged in"], // ffmpeg ends well when it is unplugged
    ];
    for (const [complaint, code, hint] of cases) {
      await using webcam = await setUp({ list: MJPEG, complaint, code });
      const error: CameraError = await assertRejects(() => webcam.first(), CameraError);
      assertStringIncludes(error.message, complaint);
      assertStringIncludes(error.hint ?? "", hint);
      assertEquals(error.permanent, false);
    }
  },
});

Deno.test({
  name: "usb says that ffmpeg is missing, and does not try again by itself",
  ignore,
  fn: async () => {
    using _ = withEnvironment({ PATH: "/nonexistent" });
    const images = usb.open(usb.configure({ SOURCE: "0" }), new AbortController().signal);
    const error: CameraError = await assertRejects(() => Array.fromAsync(images), CameraError);
    assertStringIncludes(error.message, "There is no program ffmpeg");
    assertEquals(error.permanent, true);
  },
});

interface WebcamOptions {
  /** What it answers when ffmpeg lists its formats. */
  list: string;
  env?: Record<string, string>;
  /** A picture that it gives before all others. */
  first?: URL;
  /** What ffmpeg complains of instead of giving pictures, and the code with which it ends. */
  complaint?: string;
  code?: number;
}

/** Puts a program "ffmpeg" in front that answers for a webcam with the real ffmpeg's test pattern. */
async function setUp({ list, env, first, complaint = "", code = 0 }: WebcamOptions) {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/ffmpeg`,
    `#!/bin/sh
case "$*" in *-list_formats*) printf '%s\\n' "$LIST" >&2; exit 1;; esac
echo "$*" >> "${folder}/log"
[ -n "$COMPLAINT" ] && { echo "$COMPLAINT" >&2; exit $CODE; }
size=$(echo "$*" | sed -n 's/.*-video_size \\([0-9x]*\\).*/\\1/p')
case "$*" in *transpose*) turn="-vf transpose=clock";; esac
[ -n "$FIRST" ] && cat "$FIRST"
PATH=$REAL_PATH exec ffmpeg -loglevel error -re -f lavfi -i "testsrc=size=$size:rate=30" $turn -c:v mjpeg -q:v 5 -f mjpeg -
`,
  );
  await Deno.chmod(`${folder}/ffmpeg`, 0o755);
  const environment = withEnvironment({
    PATH: `${folder}:${REAL_PATH}`,
    REAL_PATH,
    LIST: list,
    FIRST: first?.pathname ?? "",
    COMPLAINT: complaint,
    CODE: `${code}`,
  });
  const settings = { SOURCE: "3", ...env };
  return {
    env: settings,
    async first() {
      const { signal } = new AbortController();
      for await (const jpeg of usb.open(usb.configure(settings), signal)) return jpeg;
      throw new Error("There is no picture");
    },
    lastStart: async () => (await Deno.readTextFile(`${folder}/log`)).trim().split("\n").at(-1)!,
    async [Symbol.asyncDispose]() {
      environment[Symbol.dispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
