/**
 * Webcams for real: the kernel's own test devices, `vivid` (raw pictures) and a `v4l2loopback` called
 * "MJPEG-cam" (its own JPEGs, which this test feeds). Where they are not loaded, all of it is ignored.
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
import { eventually } from "../server.ts";
import { testConformance } from "./conformance.ts";

const forever = new AbortController().signal;
const found = Deno.build.os === "linux" ? await usb.list(forever) : [];
const raw = found.find(({ name }) => name.startsWith("vivid"))?.source ?? "";
const native = found.find(({ name }) => name === "MJPEG-cam")?.source ?? "";
if (raw) await new Deno.Command("ffmpeg", { args: ["-version"] }).output(); // takes long the first time
const [noRaw, noNative] = [{ ignore: !raw }, { ignore: !native }];

testConformance({
  behind: "usb, with a device of the kernel's that gives raw pictures",
  driver: usb,
  ...noRaw,
  ends: 5_000,
  setUp: () =>
    Promise.resolve({
      env: { SOURCE: raw, WIDTH: "320", HEIGHT: "180" },
      [Symbol.asyncDispose]: async () => {},
    }),
});

Deno.test({
  name: "usb takes the first webcam without a SOURCE, and the offered size nearest to the wish",
  ...noRaw,
  fn: async () => {
    assertEquals(found[0], { source: raw, name: "vivid-000-vid-cap" });
    assertEquals(sizeOf(await first({})), { width: 640, height: 480 });
    const wish = { WIDTH: "700", HEIGHT: "350", FPS: "22" };
    assertEquals(sizeOf(await first(wish)), { width: 640, height: 360 });
    const number = raw.replace("/dev/video", "");
    const turned = { SOURCE: number, WIDTH: "320", HEIGHT: "180", ROTATE: "90" };
    assertEquals(sizeOf(await first(turned)), { width: 180, height: 320 });
  },
});

Deno.test({
  name: "usb passes on a webcam's own JPEGs as they are, and says when they cease for ever",
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
      await eventually("it is a camera", async () => {
        const { stdout } = await new Deno.Command("v4l2-ctl", {
          args: ["-d", native, "--list-formats"],
        }).output();
        return new TextDecoder().decode(stdout).includes("MJPG");
      }, 60_000);
      const jpeg = await first({ SOURCE: native });
      assertEquals(sizeOf(jpeg), { width: 640, height: 480 });
      // The encoder that made it has put its name into it: ours would have, too, but not over that one.
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
  name: "a webcam whose streaming breaks is started again, and that is told",
  ...noRaw,
  fn: async () => {
    const reasons: unknown[] = [];
    // By the version of ffmpeg it ends, or falls silent.
    const told = /^(The camera's stream ended|ffmpeg .*|No picture for 20 s.*)$/;
    const events = new Events<CameraEvent>();
    events.subscribe((event) => {
      if (event.type === "camera failed") reasons.push(explain(event.error));
    });
    const settings = usb.configure({ SOURCE: raw, WIDTH: "320", HEIGHT: "180" });
    const camera = new Camera({
      name: "webcam",
      driver: "usb",
      open: (signal) => usb.open(settings, signal),
      fps: 0.4, // so that a virtual machine has 20 s for a picture
      idleTimeout: 0,
      clock: systemClock,
      events,
    });
    using viewer = camera.subscribe();
    await viewer.next();
    await control("inject_fatal_streaming_error=1");
    await eventually("it is told", () => reasons.some((reason) => told.test(`${reason}`)), 60_000);
    const failed = camera.stats().frames;
    await eventually("it has frames again", () => camera.stats().frames > failed, 90_000);
    viewer.return();
    await camera.close();
  },
});

Deno.test({
  name:
    "usb says that a webcam was unplugged, though ffmpeg ends well, and shows it when it is back",
  ...noRaw,
  fn: async () => {
    const images = usb.open(usb.configure({ SOURCE: raw }), forever)[Symbol.asyncIterator]();
    await images.next();
    await control("disconnect=1");
    const error: CameraError = await assertRejects(async () => {
      while (!(await images.next()).done);
    }, CameraError);
    assertStringIncludes(error.message, "No such device");
    assertStringIncludes(error.hint!, "plugged in");
    assert(!error.permanent);
    // vivid is plugged in again when nobody has it open any more.
    assertEquals(sizeOf(await first({ SOURCE: raw })), { width: 640, height: 480 });
  },
});

async function first(env: Record<string, string>): Promise<Jpeg> {
  for await (const jpeg of usb.open(usb.configure(env), forever)) return jpeg;
  throw new Error("There is no picture");
}

async function control(setting: string): Promise<void> {
  const args = ["-d", raw, "-c", setting];
  const { success, stderr } = await new Deno.Command("v4l2-ctl", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
