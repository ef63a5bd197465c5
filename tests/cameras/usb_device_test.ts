/**
 * Tests with the kernel's test devices: `vivid` (raw frames) and a `v4l2loopback` called
 * "MJPEG-cam" (JPEGs, which this test feeds). Without these modules, the tests are ignored.
 *
 * modprobe vivid; modprobe v4l2loopback exclusive_caps=1 card_label=MJPEG-cam video_nr=40
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import usb from "../../cameras/usb.ts";
import { Camera } from "../../lib/camera/camera.ts";
import { systemClock } from "../../lib/clock.ts";
import { CameraError } from "../../lib/errors.ts";
import type { Jpeg } from "../../lib/frame.ts";
import { segments, sizeOf } from "../../lib/jpeg/segments.ts";
import { explain } from "../../lib/errors.ts";
import { Events } from "../../lib/events.ts";
import type { CameraEvent } from "../../lib/camera/events.ts";
import { isInstalled, leftOut, needing } from "../parts.ts";
import { eventually } from "../server.ts";
import { testConformance } from "./conformance.ts";

const NEVER = new AbortController().signal;
const found = Deno.build.os === "linux" && isInstalled("sh") ? await usb.list(NEVER) : [];
const raw = found.find(({ name }) => name.startsWith("vivid"))?.source ?? "";
const native = found.find(({ name }) => name === "MJPEG-cam")?.source ?? "";
if (raw && isInstalled("ffmpeg")) await new Deno.Command("ffmpeg", { args: ["-version"] }).output(); // slow the first time
const [noRaw, noNative] = [raw, native].map((device) =>
  device
    ? needing("ffmpeg", "v4l2-ctl")
    : leftOut("the test devices of the kernel modules vivid and v4l2loopback")
) as [{ ignore: boolean }, { ignore: boolean }];

testConformance({
  source: "usb, with a kernel test device that delivers raw frames",
  driver: usb,
  ...noRaw,
  endsWithin: 5_000,
  setUp: () =>
    Promise.resolve({
      env: { SOURCE: raw, WIDTH: "320", HEIGHT: "180" },
      [Symbol.asyncDispose]: async () => {},
    }),
});

Deno.test({
  name:
    "usb opens the first webcam without SOURCE, in the offered size nearest to the requested size",
  ...noRaw,
  fn: async () => {
    assertEquals(found[0], { source: raw, name: "vivid-000-vid-cap" });
    assertEquals(sizeOf(await first({})), { width: 640, height: 480 });
    const requested = { WIDTH: "700", HEIGHT: "350", FPS: "22" };
    assertEquals(sizeOf(await first(requested)), { width: 640, height: 360 });
    const numbered = { SOURCE: raw.replace("/dev/video", ""), WIDTH: "320", HEIGHT: "180" };
    assertEquals(sizeOf(await first(numbered)), { width: 320, height: 180 });
  },
});

Deno.test({
  name: "usb copies a webcam's JPEGs unchanged, and fails when they stop",
  ...noNative,
  fn: async () => {
    const size = "testsrc=size=640x480:rate=15";
    const args = ["-v", "error", "-re", "-f", "lavfi", "-i", size, "-c:v", "mjpeg", "-q:v", "5"];
    const feed = new Deno.Command("ffmpeg", {
      args: [...args, "-f", "v4l2", native],
      stdin: "null",
      stderr: "null",
    }).spawn();
    try {
      await eventually("the device is a camera", async () => {
        const { stdout } = await new Deno.Command("v4l2-ctl", {
          args: ["-d", native, "--list-formats"],
        }).output();
        return new TextDecoder().decode(stdout).includes("MJPG");
      }, 60_000);
      const jpeg = await first({ SOURCE: native });
      assertEquals(sizeOf(jpeg), { width: 640, height: 480 });
      // The feeding encoder added its name as a comment. Another encoder would add a second
      // comment.
      const comments = [...segments(jpeg)].filter(({ marker }) => marker === 0xfe);
      assertEquals(comments.length, 1);
    } finally {
      feed.kill("SIGTERM");
      await feed.status;
    }
    const error: CameraError = await assertRejects(() => first({ SOURCE: native }), CameraError);
    assert(error.hint !== undefined, error.message);
  },
});

Deno.test({
  name: "Camera restarts a webcam whose streaming breaks, and logs the reason",
  ...noRaw,
  fn: async () => {
    const reasons: unknown[] = [];
    // Depending on its version, ffmpeg exits or hangs.
    const expected = /^(The camera's stream ended|ffmpeg .*|No picture for 20 s.*)$/;
    const events = new Events<CameraEvent>();
    events.subscribe((event) => {
      if (event.type === "camera failed") reasons.push(explain(event.error));
    });
    const settings = usb.configure({ SOURCE: raw, WIDTH: "320", HEIGHT: "180" });
    const camera = new Camera({
      name: "webcam",
      driver: "usb",
      open: (signal) => usb.open(settings, signal),
      fps: 0.4, // so that a virtual machine has 20 s for a frame
      idleTimeout: 0,
      clock: systemClock,
      events,
    });
    using viewer = camera.subscribe({ role: "viewer" });
    await viewer.next();
    await control("inject_fatal_streaming_error=1");
    await eventually(
      "the reason is logged",
      () => reasons.some((reason) => expected.test(`${reason}`)),
      60_000,
    );
    const framesBefore = camera.stats().frames;
    await eventually("frames flow again", () => camera.stats().frames > framesBefore, 90_000);
    viewer.return();
    await camera.close();
  },
});

Deno.test({
  name:
    "usb reports an unplugged webcam although ffmpeg exits with 0, and opens it again afterwards",
  ...noRaw,
  fn: async () => {
    const images = usb.open(usb.configure({ SOURCE: raw }), NEVER)[Symbol.asyncIterator]();
    await images.next();
    await control("disconnect=1");
    const error: CameraError = await assertRejects(async () => {
      while (!(await images.next()).done);
    }, CameraError);
    assertStringIncludes(error.message, "No such device");
    assertStringIncludes(error.hint!, "plugged in");
    assert(!error.permanent);
    // vivid reconnects when no process has it open.
    assertEquals(sizeOf(await first({ SOURCE: raw })), { width: 640, height: 480 });
  },
});

async function first(env: Record<string, string>): Promise<Jpeg> {
  for await (const jpeg of usb.open(usb.configure(env), NEVER)) return jpeg;
  throw new Error("The camera sent no frame");
}

async function control(setting: string): Promise<void> {
  const args = ["-d", raw, "-c", setting];
  const { success, stderr } = await new Deno.Command("v4l2-ctl", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
