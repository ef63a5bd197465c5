import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Camera } from "../../../lib/camera/camera.ts";
import { loadPixels } from "../../../lib/camera/edited.ts";
import { logCameraEvents } from "../../../lib/camera/event_log.ts";
import type { CameraEvent } from "../../../lib/camera/events.ts";
import { pictureEdit } from "../../../lib/camera/picture_edit.ts";
import { Events } from "../../../lib/events.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { createLog } from "../../../lib/log.ts";
import { PICTURE_SETTINGS } from "../../../lib/pixels/settings.ts";
import type { Env } from "../../../lib/env.ts";
import { readSettings } from "../../../lib/setting.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { sampleJpeg } from "../jpeg/sample_jpegs.ts";

await loadPixels(); // so that a manual clock need not wait for it

/** A picture without the tables that an edit needs. */
const JPEG = sampleJpeg();

function setUp(env: Record<string, string>) {
  const clock = new ManualClock();
  const source = new FakeSource<Jpeg>();
  const lines: string[] = [];
  const events = new Events<CameraEvent>();
  logCameraEvents(events, { clock, log: createLog({ clock, write: (line) => lines.push(line) }) });
  const edit = pictureEdit("front", readSettings(PICTURE_SETTINGS, env), undefined);
  const { open } = source;
  const options = { name: "front", driver: "pi", idleTimeout: 10_000, clock, events };
  const camera = new Camera({ ...options, open, edit });
  const viewer = camera.subscribe({ role: "viewer" });
  const frame = viewer.next();
  const flow = async (count: number) => {
    await settle();
    for (let n = 0; n < count; n++) {
      source.push(JPEG);
      await settle();
      await clock.advance(100);
    }
  };
  return { camera, clock, source, viewer, frame, flow, lines };
}

Deno.test("a camera whose pictures cannot be masked shows none, and fails with the reason", async () => {
  const { camera, clock, source, flow, lines } = setUp({ PRIVACY_MASK: "0,0,30,20" });
  await flow(99);
  const { frames, broken, refused } = camera.stats();
  assertEquals([frames, broken, refused, camera.latest], [0, 99, 99, undefined]);
  await clock.advance(100);
  assertMatch(
    camera.error!.message,
    /^No first picture for 10 s: JPEGs arrive that cannot be masked: \w/,
  );
  const reports = lines.filter((line) => line.includes("camera pictures refused"));
  assertEquals(reports.length, 1);
  assertStringIncludes(reports[0]!, "pictures that cannot be masked are dropped: ");
  while (source.live === 0) await clock.advance(100); // the back-off
  await flow(99);
  await clock.advance(200);
  assertEquals(camera.stats().failures, 2);
  assertEquals(lines.filter((line) => /pictures refused|camera failed/.test(line)).length, 2);
  await camera.close();
});

Deno.test("a camera whose pictures cannot get a text shows them as they are", async () => {
  const { camera, frame, viewer, flow, lines } = setUp({ OVERLAY: "%time" });
  await flow(5);
  assertEquals((await frame).value?.jpeg, JPEG);
  const { frames, broken, refused } = camera.stats();
  assertEquals([frames, broken, refused], [5, 0, 5]);
  assertEquals(lines.filter((line) => line.includes("are shown without it: ")).length, 1);
  await viewer.return();
  await camera.close();
});

Deno.test("pictureEdit() edits only if a setting demands it", () => {
  const read = (env: Env) =>
    pictureEdit("front", readSettings(PICTURE_SETTINGS, env), undefined) !== undefined;
  assertEquals(read({}), false);
  assertEquals(read({ ROTATE: "0", PRIVACY_MASK: " ", OVERLAY_PLACE: "bottom" }), false);
  for (const env of [{ ROTATE: "90" }, { FLIP: "both" }, { PRIVACY_MASK: "0,0,1,1" }]) {
    assertEquals(read(env), true);
  }
  assertEquals(read({ OVERLAY: "%name" }), true);
});
