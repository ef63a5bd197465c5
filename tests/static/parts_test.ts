import { assertAlmostEquals, assertEquals } from "@std/assert";
import { PROTOCOL_VERSION } from "../../lib/live/mod.ts";
import { PROTOCOL_VERSION as PAGE_VERSION } from "../../static/live.js";
import { View } from "../../static/view.js";
import { Meter } from "../../static/meter.js";
import { ServerClock } from "../../static/server_clock.js";
import { describeEmpty, describeState, describeTitle } from "../../static/state_text.js";
import { formatAge, formatClock } from "../../static/time_text.js";

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

Deno.test("ServerClock.toLocal converts times, also those of another clock", () => {
  const clock = new ServerClock();
  assertEquals(clock.toLocal(1_000), undefined);
  clock.update(0, 2, 1_001);
  assertEquals([clock.toLocal(1_050), clock.toLocal(9_000)], [50, 8_000]);
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

Deno.test("View covers the area with a larger picture, and centres a smaller one", () => {
  const view = new View("parts_test");
  // The area is twice as wide as the picture, and as high.
  view.setArea({ width: 800, height: 300 }, { width: 400, height: 300 });
  view.zoomTo(1.6);
  view.moveTo(9, 9);
  assertEquals(view.x, 0); // 640 px in 800 px
  assertAlmostEquals(view.y, (1 - 1 / 1.6) / 2);
  view.zoomTo(4);
  view.moveTo(9, 9);
  assertEquals([view.x, view.y], [0.25, 0.375]);
  // In a smaller area, the picture moves only while it has to, and comes back.
  view.setArea({ width: 1_600, height: 300 }, { width: 400, height: 300 });
  assertEquals(view.transform, "translate(0%, -150%) scale(4, 4)");
  view.setArea({ width: 800, height: 300 }, { width: 400, height: 300 });
  assertEquals(view.transform, "translate(-100%, -150%) scale(4, 4)");
  // A drag begins where the picture is.
  view.setArea({ width: 1_200, height: 300 }, { width: 400, height: 300 });
  view.moveBy(-0.1, 0);
  assertAlmostEquals(view.x, 0.025);
  view.setArea({ width: 0, height: 0 }, { width: 0, height: 0 }); // not shown
  assertEquals(view.transform.includes("NaN"), false);
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
    ...{ now: 1_000, idle: 30, waiting: 30, plain: undefined, ...tile },
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
  assertEquals(silent.reason?.startsWith("The camera sends no pictures"), true);
  const stalled = describe({ page: { lastMessageAt: 5_000 }, tile });
  assertEquals(stalled.reason?.startsWith("No data from the server"), true);
  assertEquals(describe({ camera: { fps: 0.5 }, tile }).summary, "Live");
});

Deno.test("describeState shows the cause of a failure, then its hint, and a button to try now", () => {
  const failed = (lastFailure: object) => describe({ camera: { state: "failed", lastFailure } });
  const busy = { message: "the device is busy", hint: "close the other program", retried: true };
  assertEquals(failed(busy), {
    state: "trouble",
    summary: "No picture",
    headline: "No picture from the camera",
    reason: "the device is busy",
    advice: "Close the other program",
    detail: "Trying again automatically",
    retry: true,
  });
  const permanent = failed({ message: "ffmpeg exited with code 1", hint: null, retried: false });
  assertEquals(
    [permanent.reason, permanent.advice, permanent.detail, permanent.retry],
    ["ffmpeg exited with code 1", undefined, undefined, true],
  );
});

Deno.test("describeState says that the server is full, and when the page tries again", () => {
  const full = (reason: string, retryAt?: number) =>
    describe({ page: { link: { kind: "full", reason, retryAt } } });
  const text = full("Too many viewers: the limit of 20 is reached", 2_500);
  assertEquals(text, {
    state: "trouble",
    summary: "Too many viewers",
    headline: "No picture: too many viewers",
    reason: "The server has reached its limit of 20 viewers",
    advice: "Close another page or program that shows a camera, or raise MAX_VIEWERS",
    detail: "Trying again in 2 s",
    retry: true,
  });
  assertEquals(full("Too many viewers: the limit of 1 is reached", 900).detail, "Trying again …");
});

Deno.test("describeState calls a plain stream live only after its first picture", () => {
  const page = { link: { kind: "plain" } };
  const plain = (plain: object, more = {}) =>
    describe({ page, camera: { state: "starting" }, tile: { plain, waiting: 600, ...more } });
  assertEquals(plain({ state: "loading" }).headline, "The camera is starting …");
  assertEquals(plain({ state: "live" }), { state: "live", summary: "Live" });
  const failed = plain({ state: "failed", reason: "the device is busy", retryAt: 3_000 });
  assertEquals(
    [failed.state, failed.reason, failed.detail, failed.retry],
    ["trouble", "the device is busy", "Trying again in 2 s", true],
  );
  const full = plain({ state: "failed", reason: "Too many viewers: the limit of 3 is reached" });
  assertEquals(full.reason, "The server has reached its limit of 3 viewers");
});

Deno.test("describeTitle says the state of the cameras in the tab's title", () => {
  const live = { name: "front", text: { state: "live" as const, summary: "Live" } };
  const failed = { name: "back", text: { state: "trouble" as const, summary: "No picture" } };
  const paused = { name: "front", text: { state: "paused" as const, summary: "Paused" } };
  const waiting = { name: "front", text: { state: "waiting" as const, summary: "Starting" } };
  assertEquals(describeTitle([], false), "dinocam");
  assertEquals(describeTitle([live], false), "● front – dinocam");
  assertEquals(describeTitle([failed], false), "⚠ No picture – dinocam");
  assertEquals(describeTitle([failed], true), "⚠ back: No picture – dinocam");
  assertEquals(describeTitle([live, failed], true), "⚠ back: No picture – dinocam");
  assertEquals(describeTitle([failed, failed], true), "⚠ No picture – dinocam");
  assertEquals(describeTitle([live, live], true), "● 2 cameras – dinocam");
  assertEquals(describeTitle([paused], false), "front, paused – dinocam");
  assertEquals(describeTitle([waiting], false), "front – dinocam");
});

Deno.test("formatAge rounds to tenths of a second, then to seconds, minutes and hours", () => {
  const ages = [20, 95, 9_940, 9_960, 59_000, 61_000, 3_500_000, 7_300_000].map(formatAge);
  assertEquals(ages, [
    ...["< 0.1 s ago", "0.1 s ago", "9.9 s ago", "10 s ago", "59 s ago"],
    ...["1 min ago", "58 min ago", "2 h ago"],
  ]);
});

Deno.test("formatClock formats the local time of day", () => {
  assertEquals(formatClock(new Date(2026, 0, 2, 4, 3, 27).getTime()), "04:03:27");
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
    retry: true,
  });
  const same = lost("The server is not responding", "The server is not responding");
  assertEquals(same.detail, undefined);
});

Deno.test("describeEmpty says why there are no cameras, or why the page does not know", () => {
  assertEquals(describeEmpty({ kind: "live" }, 5_000, "no origin publishes a camera"), {
    state: "waiting",
    summary: "No cameras",
    headline: "No cameras yet",
    reason: "No origin publishes a camera",
    advice: "Cameras appear here as soon as the server finds them",
  });
  assertEquals(describeEmpty({ kind: "plain" }, 5_000).headline, "No cameras yet");
  const lost = describeEmpty({ kind: "lost", reason: "The server is shutting down" }, 5_000, "x");
  assertEquals([lost.headline, lost.reason], ["Connection lost", "The server is shutting down"]);
  assertEquals(describeEmpty({ kind: "connecting" }, 5_000).headline, "Connecting …");
});
