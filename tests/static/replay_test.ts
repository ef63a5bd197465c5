import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { formatHash, parseHash } from "../../static/moment.js";
import { Mp4Progress } from "../../static/mp4_progress.js";
import { activityIn, describeRecording, joinSpans } from "../../static/recordings.js";
import { nextSpeed, Replay } from "../../static/replay.js";
import { describeState } from "../../static/state_text.js";
import { MIN_SPAN, ticksOf, TimeScale } from "../../static/time_scale.js";
import {
  formatBehind,
  formatBytes,
  formatDuration,
  formatMoment,
  formatOffset,
  momentsOf,
} from "../../static/time_text.js";
import { hitHandle } from "../../static/timeline.js";

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 10, 27, 12);

/** Offset of Berlin in minutes: summer time ends on 2026-10-25 at 01:00 UTC. */
function berlin(time: number): number {
  return time < Date.UTC(2026, 2, 29, 1) || time >= Date.UTC(2026, 9, 25, 1) ? 60 : 120;
}

Deno.test("TimeScale converts between times and positions", () => {
  const scale = new TimeScale(NOON, NOON + HOUR, 1_200);
  assertEquals([scale.xOf(NOON), scale.xOf(NOON + HOUR / 2)], [0, 600]);
  assertEquals(scale.timeAt(300), NOON + HOUR / 4);
  assertEquals([scale.shows(NOON), scale.shows(NOON - 1)], [true, false]);
});

Deno.test("TimeScale.zoomedBy keeps the time under the pointer, from a minute to everything", () => {
  const extent = { oldest: NOON - 3 * DAY, latest: NOON + HOUR };
  const scale = new TimeScale(NOON, NOON + HOUR, 1_200);
  const zoomed = scale.zoomedBy(0.5, 300, extent);
  assertEquals([zoomed.span, zoomed.timeAt(300)], [HOUR / 2, NOON + HOUR / 4]);
  assertEquals(scale.zoomedBy(1e-6, 300, extent).span, MIN_SPAN);
  const whole = scale.zoomedBy(1e6, 300, extent);
  assertAlmostEquals(whole.span, 1.1 * (3 * DAY + HOUR), 1);
  assert(whole.shows(extent.oldest));
  // It cannot be moved away from the recordings by more than half of its width.
  const away = scale.movedBy(DAY).clamp(extent);
  assertEquals([away.xOf(extent.latest), away.span], [600, HOUR]);
});

Deno.test("ticksOf returns round local times at a legible distance", () => {
  const labels = (span: number, width: number, start = NOON) =>
    ticksOf(new TimeScale(start, start + span, width), 80, () => 0).map(({ label }) => label);
  assertEquals(labels(HOUR, 400), ["12:00", "12:15", "12:30", "12:45", "13:00"]);
  assertEquals(labels(MINUTE, 320), ["12:00:00", "12:00:15", "12:00:30", "12:00:45", "12:01:00"]);
  assertEquals(labels(DAY, 400), ["12:00", "18:00", "Sat 28 Nov", "06:00", "12:00"]);
  assertEquals(labels(3 * DAY, 400, NOON - 12 * HOUR).length, 4);
  for (const [span, width] of [[MINUTE, 300], [7 * HOUR, 900], [40 * DAY, 1_200]] as const) {
    const scale = new TimeScale(NOON, NOON + span, width);
    const [first, second] = ticksOf(scale, 80, () => 345); // Nepal: UTC+5:45
    assert(scale.xOf(second!.time) - scale.xOf(first!.time) >= 80, `${span}`);
  }
});

Deno.test("ticksOf shows the hour that is repeated at the end of summer time twice", () => {
  const start = Date.UTC(2026, 9, 24, 22); // 00:00 in Berlin
  const scale = new TimeScale(start, start + 6 * HOUR, 700);
  const hours = ticksOf(scale, 80, berlin).map(({ label }) => label);
  assertEquals(hours, [
    ...["Sun 25 Oct +2", "01:00 +2", "02:00 +2", "02:00 +1", "03:00 +1", "04:00 +1", "05:00 +1"],
  ]);
  // Steps of more than an hour stay on round local times.
  const day = ticksOf(new TimeScale(start, start + 25 * HOUR, 500), 80, berlin);
  assertEquals(day.map(({ label }) => label.slice(0, 5)), [
    ...["Sun 2", "06:00", "12:00", "18:00", "Mon 2"],
  ]);
});

Deno.test("hitHandle prefers the closer end of the clip, and reaches further for a finger", () => {
  assertEquals(hitHandle(103, 100, 200, true), "from");
  assertEquals(hitHandle(197, 100, 200, true), "to");
  assertEquals(hitHandle(120, 100, 200, true), undefined);
  assertEquals(hitHandle(120, 100, 200, false), "from");
  // A clip that is a point on the timeline can be widened to both sides.
  assertEquals([hitHandle(98, 100, 100, true), hitHandle(102, 100, 100, true)], ["from", "to"]);
});

Deno.test("nextSpeed doubles the speed in one direction, and begins with 1 in the other", () => {
  const press = (direction: 1 | -1, start: number) => {
    const speeds = [];
    for (let speed = start, i = 0; i < 7; i++) {
      speeds.push(speed = nextSpeed(speed, direction));
    }
    return speeds;
  };
  assertEquals(press(1, 0), [1, 2, 4, 8, 16, 60, 60]);
  assertEquals(press(-1, 0), [-1, -2, -4, -8, -16, -60, -60]);
  assertEquals([nextSpeed(16, -1), nextSpeed(-4, 1), nextSpeed(0.25, 1)], [-1, 1, 1]);
});

Deno.test("parseHash reads the camera and the moment of a link", () => {
  assertEquals(parseHash("#front"), { camera: "front" });
  assertEquals(parseHash(""), { camera: "" });
  const at = Date.UTC(2026, 10, 27, 5, 43, 33);
  assertEquals(parseHash("#front@2026-11-27T05:43:33Z"), { camera: "front", at });
  assertEquals(parseHash("#@2026-11-27T06:43:33%2B01:00"), { camera: "", at });
  assertEquals(parseHash("#@2026-11-27T05:43:33.5Z"), { camera: "", at: at + 500 });
  assertEquals(parseHash("#front@yesterday"), { camera: "front" });
  assertEquals(parseHash("#%"), { camera: "" });
  for (const camera of ["", "front door", "a@b"]) {
    assertEquals(parseHash(formatHash(camera, at + 120)), { camera, at: at + 120 });
  }
});

Deno.test("momentsOf finds both passes of a repeated hour, and none of a skipped one", () => {
  assertEquals(momentsOf("2026-10-25T02:30:00", berlin), [
    Date.UTC(2026, 9, 25, 0, 30),
    Date.UTC(2026, 9, 25, 1, 30),
  ]);
  assertEquals(momentsOf("2026-03-29T02:30:00", berlin), []);
  assertEquals(momentsOf("2026-11-27T14:03:27", berlin), [Date.UTC(2026, 10, 27, 13, 3, 27)]);
  assertEquals(momentsOf("", berlin), []);
  assertEquals(
    [0, 1].map((hours) => formatMoment(Date.UTC(2026, 9, 25, hours, 30), berlin)),
    ["Sun 25 Oct, 02:30:00.0 UTC+2", "Sun 25 Oct, 02:30:00.0 UTC+1"],
  );
});

Deno.test("durations, sizes and offsets are formatted for people", () => {
  const durations = [400, 9_960, 50_400, 133_000, 22_800_000, 3 * DAY + 4 * HOUR];
  assertEquals(durations.map(formatDuration), [
    ...["0.4 s", "10 s", "50 s", "2 min 13 s", "6 h 20 min", "3 d 4 h"],
  ]);
  assertEquals([133_000, 3_733_000, 3 * DAY].map(formatBehind), ["−02:13", "−1:02:13", "−3 d"]);
  assertEquals([12_300, 1_234_000, 111_032_895, 6.7e9].map(formatBytes), [
    ...["12 kB", "1.2 MB", "111 MB", "6.7 GB"],
  ]);
  assertEquals([60, 0, -210, 345].map(formatOffset), ["UTC+1", "UTC+0", "UTC−3:30", "UTC+5:45"]);
});

/** A replay with a clock and timers that the test controls. */
function setUp(cameras = ["front"]) {
  const sent: Record<string, unknown>[] = [];
  const timers: { at: number; callback: () => void }[] = [];
  const gaps: number[][] = [];
  let time = 0;
  const replay = new Replay({
    send: (message) => sent.push(message as Record<string, unknown>),
    cameras: () => [...cameras],
    onChange() {},
    onGap: (from, to) => gaps.push([from, to]),
    now: () => time,
    wait: (callback, ms) => timers.push({ at: time + ms, callback }),
  });
  const advance = (ms: number) => {
    time += ms;
    for (const timer of timers.splice(0)) {
      if (timer.at <= time) timer.callback();
      else timers.push(timer);
    }
  };
  const tell = (state: string, more: object = {}) => {
    const { id } = sent.findLast((message) => "id" in message)!;
    const message = { id, camera: 0, state, ...more };
    replay.onMessage(message as Parameters<typeof replay.onMessage>[0]);
  };
  return { replay, sent, advance, tell, gaps, cameras };
}

Deno.test("Replay.scrub has one request in flight, and the newest position follows", () => {
  const { replay, sent, advance } = setUp();
  replay.scrub(1_000);
  replay.scrub(1_001);
  replay.scrub(1_002);
  assertEquals(sent, [{ type: "replay", at: 1_000, speed: 0, cameras: ["front"], id: 1 }]);
  advance(20);
  replay.onPainted(0, 1_000);
  assertEquals(sent.map(({ at }) => at), [1_000, 1_002]);
  assertEquals(replay.position, 1_002);
  // On a slow link, the next request waits no longer than 100 ms.
  replay.scrub(1_003);
  advance(90);
  assertEquals(sent.length, 2);
  advance(10);
  assertEquals(sent.map(({ at }) => at), [1_000, 1_002, 1_003]);
  // The playhead was live before the drag, so it plays afterwards.
  replay.endScrub();
  assertEquals(sent.at(-1), { type: "replay", at: 1_003, speed: 1, cameras: ["front"], id: 4 });
});

Deno.test("Replay stays paused after a drag if it was paused before, at the last position", () => {
  const { replay, sent } = setUp();
  replay.show(1_000);
  replay.onPainted(0, 990);
  replay.scrub(2_000);
  replay.scrub(3_000);
  replay.endScrub();
  assertEquals(sent.map(({ at, speed }) => [at, speed]), [[1_000, 0], [2_000, 0], [3_000, 0]]);
  assert(replay.isPaused);
  replay.resume();
  assertEquals(sent.at(-1), { type: "replay", at: null, speed: 1, cameras: ["front"], id: 4 });
});

Deno.test("Replay.step sums the steps that wait for a frame in flight", () => {
  const { replay, sent } = setUp();
  replay.step(1); // live: there is no frame to step from
  assertEquals(sent, []);
  replay.show(1_000);
  replay.step(-1);
  replay.step(-1);
  assertEquals(sent.length, 1);
  replay.onPainted(0, 1_000);
  assertEquals(sent.at(-1), { type: "step", by: -2, cameras: ["front"], id: 2 });
  replay.onPainted(0, 934);
  assertEquals(replay.position, 934);
  replay.step(1);
  assertEquals(sent.at(-1), { type: "step", by: 1, cameras: ["front"], id: 3 });
});

Deno.test("Replay follows the frames in the direction of play, and jumps over gaps", () => {
  const { replay, tell, gaps } = setUp(["front", "back"]);
  replay.seek(1_000, 2);
  replay.onPainted(0, 990); // the frame at that moment
  assertEquals(replay.position, 1_000);
  replay.onPainted(0, 1_500);
  replay.onPainted(1, 1_450);
  assertEquals(replay.position, 1_500);
  tell("gap", { from: 1_600, to: 9_000 });
  assertEquals([replay.position, gaps], [9_000, [[1_600, 9_000]]]);
  replay.setSpeed(-1);
  replay.onPainted(0, 8_900);
  tell("gap", { from: 1_600, to: 8_800 });
  assertEquals(replay.position, 1_600);
  // Another camera has frames in the gap: the playhead does not skip it.
  tell("gap", { camera: 1, from: -9_000, to: 1_500, at: 1_590 });
  assertEquals([replay.position, gaps.length, replay.stateOf(1).state], [1_600, 2, "gap"]);
  // An old message about an earlier request changes nothing.
  replay.onMessage({ id: 1, camera: 0, state: "paused", at: 5 });
  assertEquals(replay.position, 1_600);
  tell("start", { at: 400 });
  assertEquals([replay.position, replay.isPaused], [400, true]);
  replay.resume(); // backwards is impossible
  assertEquals(replay.speed, 1);
});

Deno.test("Replay ends when every camera is live, and not before", () => {
  const { replay, sent, tell } = setUp(["front", "back", "attic"]);
  replay.seek(1_000);
  tell("live");
  tell("none", { camera: 1 });
  assert(replay.isActive);
  tell("live", { camera: 2 });
  assertEquals(replay.isActive, false);
  // The camera without a recording is told to go live.
  assertEquals(sent.at(-1), { type: "live", cameras: ["front", "back", "attic"] });
  const other = setUp();
  other.replay.seek(1_000);
  other.tell("none");
  assert(other.replay.isActive); // nothing is recorded there: the timeline stays
});

Deno.test("Replay.restore goes on at the same position and speed after a reconnect", () => {
  const { replay, sent } = setUp();
  replay.restore();
  assertEquals(sent, []);
  replay.seek(1_000, -2);
  replay.onPainted(0, 700);
  replay.restore();
  assertEquals(sent.at(-1), { type: "replay", at: 700, speed: -2, cameras: ["front"], id: 2 });
});

Deno.test("Replay.join has cameras that appear follow the playhead, and changes nothing for the others", () => {
  const { replay, sent, cameras, tell } = setUp();
  replay.join();
  assertEquals(sent, []); // live
  replay.seek(1_000, 2);
  tell("playing", { at: 1_000 });
  replay.onPainted(0, 1_200);
  cameras.push("back");
  replay.join();
  const names = ["front", "back"];
  assertEquals(sent.at(-1), { type: "replay", at: null, speed: 2, cameras: names, id: 1 });
  assertEquals([replay.position, replay.speed], [1_200, 2]);
  assertEquals([replay.stateOf(0).waiting, replay.stateOf(0).state], [0, "playing"]);
});

Deno.test("Replay.join sends nothing while a request for the same cameras waits", () => {
  const { replay, sent, cameras } = setUp();
  replay.scrub(1_000);
  replay.scrub(2_000); // waits for the first frame
  const before = sent.length;
  cameras.push("back");
  replay.join();
  assertEquals(sent.length, before);
  replay.endScrub();
  assertEquals(sent.at(-1), {
    type: "replay",
    at: 2_000,
    speed: 1,
    cameras: ["front", "back"],
    id: 2,
  });
});

Deno.test("a camera that has disappeared has no part in when a replay goes live", () => {
  const { replay, cameras, tell } = setUp(["front", "back", "side", "yard"]);
  replay.seek(1_000, 1);
  tell("playing", { camera: 2 });
  tell("live", { camera: 3 });
  cameras.splice(2, 2); // two of the cameras disappear
  for (const index of [2, 3]) replay.forget(index);
  replay.join();
  tell("none");
  assert(replay.isActive); // the camera "back" is playing
  tell("live", { camera: 1 });
  assert(!replay.isActive);
});

Deno.test("joinSpans joins the periods of several cameras", () => {
  assertEquals(
    joinSpans([{ start: 10, end: 20 }, { start: 0, end: 5 }, { start: 15, end: 30 }]),
    [{ start: 0, end: 5 }, { start: 10, end: 30 }],
  );
});

Deno.test("activityIn returns the highest digit of a period", () => {
  const data = { from: 1_000, activity: "01-93", activityInterval: 100 };
  const periods: [number, number][] = [[1_000, 1_050], [1_000, 1_500], [1_200, 1_300]];
  assertEquals(periods.map(([from, to]) => activityIn(data, from, to)), [0, 9, -1]);
});

Deno.test("describeRecording says how long the recordings fit, or why nothing is recorded", () => {
  const camera = (name: string, recording: object) => ({
    name,
    recording: { state: "recording" as const, oldest: 1, newest: 2, ...recording },
  });
  const text = (...cameras: ReturnType<typeof camera>[]) => describeRecording(cameras).text;
  assertEquals(
    text(camera("front", { holdsSeconds: 22_800 })),
    "Recording: holds about 6 h 20 min at this rate",
  );
  assertEquals(
    text(camera("front", { holdsSeconds: 3_598 })),
    "Recording: holds about 1 h at this rate",
  );
  assertEquals(text(camera("front", { sound: { dropped: 0 } })), "Recording with sound");
  const full = camera("back", { state: "paused", reason: "The disk is full" });
  assertEquals(text(full), "Recording paused: The disk is full");
  assertEquals(text(camera("front", {}), full), "back: Recording paused: The disk is full");
  assertEquals(text(camera("front", {}), camera("back", { state: "off" })), "Recording 1 of 2");
  assertEquals(text(camera("front", { state: "waiting" })), "Recording waits for the camera");
  const reading = describeRecording([camera("front", {})], 0.377);
  assertEquals(reading, { text: "Reading the recordings: 37 %", isTrouble: false });
  assertEquals(describeRecording([full]).isTrouble, true);
});

Deno.test("describeState describes what the replay shows, whatever the camera does", () => {
  const status = {
    ...{ name: "front", driver: "fake", state: "failed" as const, fps: 30, viewers: 1, frames: 1 },
    ...{ resolution: null, lastFailure: null, failures: 1 },
  };
  const describe = (replay: Parameters<typeof describeState>[1]["replay"]) =>
    describeState(
      status,
      { link: { kind: "live" }, paused: false, lastMessageAt: 0, replay },
      { now: 9_000, idle: 9_000, waiting: 9_000 },
    );
  assertEquals(describe({ speed: -4, waiting: 0 }), { state: "replay", summary: "Recorded, −4×" });
  assertEquals(describe({ speed: 0, waiting: 0 }), { state: "paused", summary: "Paused" });
  assertEquals(
    describe({ speed: 0, state: "start", waiting: 0 }).summary,
    "Start of the recordings",
  );
  assertEquals(
    describe({ speed: 1, state: "none", waiting: 0 }).headline,
    "Nothing was recorded at this time",
  );
  assertEquals(describe({ speed: 1, waiting: 1_500 }), { state: "waiting", summary: "Loading" });
  assertEquals(describe(undefined).summary, "No picture");
});

/** Encodes an MP4 box. */
function box(type: string, ...content: (Uint8Array | number[])[]): Uint8Array<ArrayBuffer> {
  const bytes = content.flatMap((part) => [...part]);
  const encoded = new Uint8Array(8 + bytes.length);
  new DataView(encoded.buffer).setUint32(0, encoded.length);
  encoded.set(new TextEncoder().encode(type), 4);
  encoded.set(bytes, 8);
  return encoded;
}

function uint32(value: number): number[] {
  return [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
}

Deno.test("Mp4Progress reads the time of the newest fragment, however the bytes are divided", () => {
  const mdhd = box("mdhd", [0, 0, 0, 0], uint32(0), uint32(0), uint32(12_800), uint32(0), [
    0,
    0,
    0,
    0,
  ]);
  const fragment = (time: number) => [
    box("moof", box("traf", box("tfdt", [1, 0, 0, 0], uint32(0), uint32(time), Array(16).fill(0)))),
    box("mdat", Array(1_000).fill(0x74)),
  ];
  const parts = [
    ...[box("ftyp", [1, 2, 3]), box("moov", box("trak", box("mdia", mdhd)))],
    ...[...fragment(0), ...fragment(25_600), ...fragment(51_200)],
  ];
  const file = Uint8Array.from(parts.flatMap((part) => [...part]));
  for (const size of [1, 7, 100, 5_000]) {
    const progress = new Mp4Progress();
    const seen = new Set<number>();
    for (let at = 0; at < file.length; at += size) {
      progress.add(file.slice(at, at + size));
      seen.add(progress.seconds);
    }
    assertEquals(progress.seconds, 4);
    if (size < 1_000) assertEquals([...seen], [0, 2, 4]);
  }
});
