import { assertAlmostEquals, assertEquals } from "@std/assert";
import { PROTOCOL_VERSION } from "../../lib/live/mod.ts";
import { addressesOf } from "../../static/addresses.js";
import { PROTOCOL_VERSION as PAGE_VERSION } from "../../static/live.js";
import { View } from "../../static/view.js";
import { Meter } from "../../static/meter.js";
import { ServerClock } from "../../static/server_clock.js";
import { describeState } from "../../static/state_text.js";

Deno.test("ServerClock uses the offset of the fastest round trip", () => {
  const clock = new ServerClock();
  assertEquals([clock.error, clock.ageOf(1_000, 0)], [undefined, undefined]);
  // The server is 1000 ms ahead. The first round trip took 80 ms, all of it for the reply.
  clock.update(0, 80, 1_000);
  assertEquals(clock.error, 40);
  assertEquals(clock.ageOf(1_000, 80), 40);
  clock.update(100, 102, 1_101);
  assertEquals(clock.error, 1);
  assertEquals(clock.ageOf(1_102, 102), 0);
  clock.update(200, 260, 1_259);
  assertEquals(clock.error, 1);
  assertEquals(clock.ageOf(1_300, 350), 50);
});

Deno.test("ServerClock.ageOf returns no negative age", () => {
  const clock = new ServerClock();
  clock.update(0, 10, 1_005);
  assertEquals(clock.ageOf(1_050, 20), 0);
});

Deno.test("ServerClock discards old round trips when a clock was set", () => {
  const clock = new ServerClock();
  clock.update(0, 2, 1_001);
  clock.update(100, 140, 501_120);
  assertEquals(clock.error, 20);
  assertEquals(clock.ageOf(501_120, 120), 0);
});

Deno.test("ServerClock keeps the last 20 round trips", () => {
  const clock = new ServerClock();
  clock.update(0, 2, 1_001);
  for (let i = 1; i <= 19; i++) clock.update(i * 100, i * 100 + 20, 1_010 + i * 100);
  assertEquals(clock.error, 1);
  clock.update(2_000, 2_020, 3_010);
  assertEquals(clock.error, 10);
});

Deno.test("Meter measures frames per second, the median age and skipped frames", () => {
  const meter = new Meter();
  assertEquals([meter.fps(0), meter.age, meter.last, meter.skipped], [
    undefined,
    undefined,
    undefined,
    0,
  ]);
  for (let i = 0; i <= 100; i++) meter.add(10 + i * 2, i * 50, i === 100 ? 900 : 20 + i % 3);
  assertAlmostEquals(meter.fps(5_000)!, 20, 0.01);
  assertEquals([meter.age, meter.last, meter.skipped], [21, 5_000, 100]);
  // An overdue frame lowers the rate.
  assertAlmostEquals(meter.fps(6_000)!, 2, 0.01);
});

Deno.test("Meter does not count frames during a pause as skipped", () => {
  const meter = new Meter();
  meter.add(1, 0, 5);
  meter.add(2, 33, 5);
  meter.pause();
  assertEquals([meter.fps(40), meter.age], [undefined, undefined]);
  meter.add(500, 9_000, 5);
  meter.add(502, 9_033, 5);
  assertEquals(meter.skipped, 1);
});

Deno.test("Meter uses the last three frames of a slow camera, however old they are", () => {
  const meter = new Meter();
  for (const at of [0, 10_000, 20_000, 30_000]) meter.add(at, at, undefined);
  assertAlmostEquals(meter.fps(30_000)!, 0.1, 0.001);
  assertEquals(meter.age, undefined);
});

Deno.test("View rotates and mirrors as the user sees the picture, in any order", () => {
  const view = new View("parts_test");
  view.mirror();
  view.rotate();
  assertEquals([view.turn, view.mirrored, view.sideways, view.changed], [270, true, true, true]);
  const other = new View("parts_test");
  other.rotate();
  other.mirror();
  assertEquals([other.turn, other.mirrored], [90, true]);
  for (let i = 0; i < 3; i++) other.rotate();
  other.mirror();
  assertEquals([other.turn % 180, other.mirrored], [0, false]);
});

Deno.test("View.zoomTo keeps the point under the pointer, within the picture", () => {
  const view = new View("parts_test");
  const pointAt = (x: number) => view.x + x / view.zoom; // the point of the picture at this position of the view
  view.zoomTo(2, 0.25, -0.5);
  assertAlmostEquals(pointAt(0.25), 0.25);
  view.zoomTo(4, 0.25, -0.5);
  assertAlmostEquals(pointAt(0.25), 0.25);
  view.moveTo(9, -9);
  assertEquals([view.x, view.y], [0.375, -0.375]);
  view.zoomTo(100);
  assertEquals(view.zoom, 8);
  view.zoomTo(0.1);
  assertEquals([view.zoom, view.x, view.y], [1, 0, 0]);
  assertEquals(view.transform.replaceAll("-0%", "0%"), "translate(0%, 0%) scale(1, 1)");
});

Deno.test("View rotates and mirrors its centre with the picture", () => {
  const view = new View("parts_test");
  view.zoomTo(4);
  view.moveTo(0.3, 0.1);
  view.rotate();
  assertEquals([view.x, view.y], [-0.1, 0.3]);
  view.mirror();
  assertEquals([view.x, view.y], [0.1, 0.3]);
});

Deno.test("addressesOf resolves addresses against the page, without its password", () => {
  const page = { baseURI: "https://me:secret@home.example/cams/?x=1#back" };
  Object.assign(globalThis, { document: page });
  try {
    const texts = addressesOf("front").map(({ text }) => text);
    assertEquals(texts.slice(0, 2), [
      "https://home.example/cams/cameras/front/video_feed",
      "https://home.example/cams/cameras/front/snapshot.jpg",
    ]);
    assertEquals(texts.filter((text) => text.includes("secret")), []);
  } finally {
    Reflect.deleteProperty(globalThis, "document");
  }
});

Deno.test("the page speaks the server's version of the live protocol", () => {
  assertEquals(PAGE_VERSION, PROTOCOL_VERSION);
});

/** Describes a streaming camera after a second on a live page, changed by the options. */
function describe({ camera = {}, page = {}, tile = {} } = {}) {
  const status = {
    ...{ name: "front", driver: "fake", state: "streaming" as const, fps: 30, viewers: 1 },
    ...{ resolution: null, lastFailure: null, failures: 0, frames: 1, ...camera },
  };
  const around = { link: { kind: "live" as const }, paused: false, lastMessageAt: 990, ...page };
  return describeState(status, around, {
    ...{ now: 1_000, idle: 30, waiting: 30, plain: false, ...tile },
  });
}

Deno.test("describeState shows a notice only when there is a problem", () => {
  assertEquals(describe(), { state: "live", summary: "Live" });
  assertEquals(describe({ page: { paused: true } }), { state: "paused", summary: "Paused" });
  const starting = { camera: { state: "starting" } };
  assertEquals(describe(starting), { state: "waiting", summary: "Starting" });
  assertEquals(
    describe({ ...starting, tile: { waiting: 600 } }).headline,
    "The camera is starting …",
  );
});

Deno.test("describeState distinguishes a camera without frames from a connection without data", () => {
  const tile = { now: 10_000, idle: 4_000 };
  const silent = describe({ page: { lastMessageAt: 9_500 }, tile });
  assertEquals([silent.summary, silent.headline], ["Frozen", "No new picture for 4 s"]);
  assertEquals(silent.reason?.startsWith("The camera sends no frames"), true);
  const stalled = describe({ page: { lastMessageAt: 5_000 }, tile });
  assertEquals(stalled.reason?.startsWith("No data from the server"), true);
  assertEquals(describe({ camera: { fps: 0.5 }, tile }).summary, "Live");
});

Deno.test("describeState shows a failure with its hint, and a retry button only for permanent failures", () => {
  const failed = (lastFailure: object) => describe({ camera: { state: "failed", lastFailure } });
  const busy = { message: "the device is busy", hint: "close the other program", retried: true };
  assertEquals(failed(busy), {
    state: "trouble",
    summary: "No picture",
    headline: "No picture from the camera",
    reason: "Close the other program",
    detail: "the device is busy",
    advice: "Retrying automatically",
    retry: false,
  });
  const permanent = failed({ message: "ffmpeg exited with code 1", hint: null, retried: false });
  assertEquals(
    [permanent.reason, permanent.detail, permanent.advice, permanent.retry],
    ["ffmpeg exited with code 1", undefined, undefined, true],
  );
});

Deno.test("describeState shows why the connection was lost, and the same text only once", () => {
  const lost = (reason: string, detail: string) =>
    describe({ page: { link: { kind: "lost", reason, detail } } });
  assertEquals(lost("The server is shutting down", "The server is not responding"), {
    state: "trouble",
    summary: "Not connected",
    headline: "Connection lost",
    reason: "The server is shutting down",
    detail: "The server is not responding",
    advice: "Reconnecting …",
  });
  const same = lost("The server is not responding", "The server is not responding");
  assertEquals(same.detail, undefined);
});
