import { assert, assertEquals } from "@std/assert";
import { Playback, type PlaybackEvent, Playhead } from "../../../lib/playback/mod.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { readImage, RecordedCamera } from "./recorded_camera.ts";

/** Interval of the recorded frames, in milliseconds: 30 fps, rounded to whole milliseconds. */
const INTERVAL = 1000 / 30;
/** Size of a frame on a simulated link, in bytes. */
const FRAME_SIZE = 61_600;

/** Begin of the recordings: an hour before the start of the clock. */
const BEGIN = Date.UTC(2026, 0, 1) - 3_600_000;

/** Creates a playback of recordings, and its playhead. */
function play(
  camera: RecordedCamera,
  clock: ManualClock,
  { at, speed, ...options }: {
    at: number;
    speed: number;
    liveEdge?: () => number;
    maxFps?: number;
  },
) {
  const playhead = new Playhead({ at, speed, clock });
  const playback = new Playback({ source: camera.source(), playhead, clock, ...options });
  return { playback, playhead };
}

/** What a client shows: an event, and when. */
type Shown = PlaybackEvent & { time: number };

/**
 * Shows frames for a while as a client on a link does: it asks for the next frame when the previous
 * one is transferred.
 *
 * @param rate Bytes per second.
 */
async function watch(
  playback: Playback,
  clock: ManualClock,
  { duration, rate = Infinity }: { duration: number; rate?: number },
): Promise<Shown[]> {
  const shown: Shown[] = [];
  let over = false;
  const watching = (async () => {
    while (!over) {
      const event = await playback.next();
      if (over) break;
      if (event.type === "frame" && rate < Infinity) await clock.sleep(1000 * FRAME_SIZE / rate);
      shown.push({ ...event, time: clock.monotonic() });
      if (event.type === "live" || event.type === "none" || event.type === "end") break;
    }
  })();
  await clock.advance(duration);
  over = true;
  playback.wake();
  await playback[Symbol.asyncDispose]();
  await clock.advance(1_000);
  await watching;
  return shown;
}

/** Returns the frames of what was shown. */
function framesOf(shown: readonly Shown[]) {
  return shown.filter((event) => event.type === "frame").map(({ jpeg, time, at }) => {
    const image = readImage(jpeg);
    assertEquals(image.at, at);
    return { ...image, time };
  });
}

/** Returns the next event, without its image. */
async function nextOf(playback: Playback): Promise<unknown[]> {
  const event = await playback.next();
  if (event.type === "frame") return ["frame", readImage(event.jpeg).number];
  return Object.values(event);
}

for (const speed of [-60, -8, -1, 0.25, 1, 8, 60]) {
  for (const rate of [500_000, 50_000_000]) {
    Deno.test(`Playback at speed ${speed} over ${rate / 1000} kB/s shows each frame in time`, async () => {
      const camera = new RecordedCamera().record(BEGIN, 18_000, INTERVAL);
      const clock = new ManualClock();
      const at = speed > 0 ? BEGIN + 10_000 : BEGIN + 590_000;
      const { playback } = play(camera, clock, { at, speed });
      const shown = framesOf(await watch(playback, clock, { duration: 4_000, rate }));
      const transfer = 1000 * FRAME_SIZE / rate;
      for (const { at: time, time: shownAt } of shown) {
        // A frame is due when the playhead reaches it; a wait is rounded to a millisecond.
        const delay = shownAt - (time - at) / speed;
        const toNextFrame = Math.ceil(INTERVAL) / Math.abs(speed);
        const isFirst = shownAt <= transfer;
        assert(delay >= (isFirst ? 0 : transfer) - 1e-6, `${time} shown ${delay} ms after due`);
        assert(delay <= transfer + Math.max(toNextFrame, 1000 / 60) + 2, `${time}: ${delay} ms`);
      }
      const pictures = 1000 * (shown.length - 1) / (shown.at(-1)!.time - shown[0]!.time);
      const wanted = Math.min(30 * Math.abs(speed), 60, 1000 / transfer);
      assert(pictures > 0.95 * wanted && pictures < 1.02 * wanted, `${pictures} pictures/s`);
      const numbers = shown.map(({ number }) => number);
      assertEquals(new Set(numbers).size, numbers.length, "a frame was shown twice");
      assertEquals(numbers, numbers.toSorted((a, b) => speed * (a - b)));
      if (Math.abs(speed) <= 1 && transfer < INTERVAL) { // all frames
        assertEquals(Math.abs(numbers.at(-1)! - numbers[0]!), numbers.length - 1);
      }
    });
  }
}

for (const speed of [1, -8]) {
  Deno.test(`Playback at speed ${speed} waits for the first frame if it begins beside it`, async () => {
    const camera = new RecordedCamera().record(BEGIN, 1_000, INTERVAL);
    const clock = new ManualClock();
    const first = speed > 0 ? 0 : 999;
    const at = BEGIN + Math.floor(first * INTERVAL) - speed * 30;
    const { playback } = play(camera, clock, { at, speed });
    const shown = framesOf(await watch(playback, clock, { duration: 100 }));
    assertEquals(shown[0]!.number, first);
    assert(shown[0]!.time >= 30 && shown[0]!.time <= 32, `shown after ${shown[0]!.time} ms`);
    assert(shown.length > 2, `${shown.length} frames`);
  });
}

Deno.test("Playback reads each frame once, ahead, while the client keeps up", async () => {
  const camera = new RecordedCamera().record(BEGIN, 1_000, INTERVAL);
  const clock = new ManualClock();
  const { playback } = play(camera, clock, { at: BEGIN, speed: 1 });
  assertEquals(await nextOf(playback), ["frame", 0]);
  await settle();
  assertEquals(camera.reads, 2);
  const next = playback.next();
  await clock.advance(40);
  assertEquals((await next).type, "frame");
  await settle();
  assertEquals(camera.reads, 3);
  await playback[Symbol.asyncDispose]();
});

Deno.test("Playback shows at most as many frames per second as it is told to", async () => {
  const camera = new RecordedCamera().record(BEGIN, 18_000, INTERVAL);
  const clock = new ManualClock();
  const { playback } = play(camera, clock, { at: BEGIN, speed: 1, maxFps: 10 });
  const shown = framesOf(await watch(playback, clock, { duration: 5_000 }));
  assert(Math.abs(shown.length - 50) <= 2, `${shown.length} frames`);
  for (const { at, time } of shown) assert(time - (at - BEGIN) < INTERVAL + 2);
});

for (const [name, at, expected] of [["before", -90_000, 0], ["after", 900_000, 99]] as const) {
  Deno.test(`Playback stands on the nearest frame ${name} everything that is recorded`, async () => {
    const camera = new RecordedCamera().record(BEGIN, 100, INTERVAL);
    const { playback } = play(camera, new ManualClock(), { at: BEGIN + at, speed: 0 });
    assertEquals(await nextOf(playback), ["frame", expected]);
    await playback[Symbol.asyncDispose]();
  });
}

Deno.test("Playback at speed 0 shows the frame at or before the playhead, once", async () => {
  const camera = new RecordedCamera().record(BEGIN, 100, 100);
  const clock = new ManualClock();
  const { playback } = play(camera, clock, { at: BEGIN + 299, speed: 0 });
  const shown = await watch(playback, clock, { duration: 60_000 });
  assertEquals(framesOf(shown).map(({ number }) => number), [2]);
});

Deno.test("Playback shows the frame again when the playhead is moved to it again", async () => {
  const camera = new RecordedCamera().record(BEGIN, 100, 100);
  const clock = new ManualClock();
  const { playback } = play(camera, clock, { at: BEGIN + 250, speed: 0 });
  assertEquals(await nextOf(playback), ["frame", 2]);
  playback.follow(new Playhead({ at: BEGIN + 260, speed: 0, clock }), true);
  await clock.advance(20);
  assertEquals(await nextOf(playback), ["frame", 2]);
  playback.follow(new Playhead({ at: BEGIN + 260, speed: 0, clock }), false);
  await clock.advance(20);
  assertEquals(await nextOf(playback), ["paused", BEGIN + 200]);
  await playback[Symbol.asyncDispose]();
});

Deno.test("Playback.step shows exactly the next or the previous frame, across gaps", async () => {
  const camera = new RecordedCamera().record(BEGIN, 30, INTERVAL);
  camera.record(BEGIN + 60_000, 30, INTERVAL).record(BEGIN + 90_000, 30, INTERVAL);
  const clock = new ManualClock();
  const { playback, playhead } = play(camera, clock, { at: BEGIN + 600, speed: 0 });
  const first = framesOf([{ ...await playback.next(), time: 0 }])[0]!.number;
  for (const by of [1, -1] as const) {
    const numbers: number[] = [];
    for (let step = 0; step < 50; step++) {
      playback.step(by);
      await clock.advance(20);
      const event = await playback.next();
      assert(event.type === "frame");
      assertEquals(playhead.position, event.at);
      numbers.push(readImage(event.jpeg).number);
    }
    const begin = by === 1 ? first : first + 50;
    assertEquals(numbers, Array.from({ length: 50 }, (_, index) => begin + by * (index + 1)));
  }
  await playback[Symbol.asyncDispose]();
});

Deno.test("Playback steps from the frame shown while the next one is being read ahead", async () => {
  const camera = new RecordedCamera().record(BEGIN, 100, INTERVAL);
  const clock = new ManualClock();
  const { playback } = play(camera, clock, { at: BEGIN + 1_000, speed: 1 });
  camera.delay = () => clock.sleep(20);
  const begin = nextOf(playback);
  await clock.advance(60); // three calls
  const first = (await begin)[1] as number;
  playback.follow(new Playhead({ at: BEGIN + 1_000, speed: 0, clock }), false);
  playback.step(1);
  const next = nextOf(playback);
  await clock.advance(300);
  assertEquals(await next, ["frame", first + 1]);
  await playback[Symbol.asyncDispose]();
});

Deno.test("Playback adds up steps that are requested faster than frames can be shown", async () => {
  const camera = new RecordedCamera().record(BEGIN, 100, INTERVAL);
  const clock = new ManualClock();
  const { playback } = play(camera, clock, { at: BEGIN + 1_000, speed: 0 });
  const first = (await nextOf(playback))[1] as number;
  for (let step = 0; step < 10; step++) playback.step(-1);
  await clock.advance(20);
  assertEquals(await nextOf(playback), ["frame", first - 10]);
  playback.step(-1_000);
  await clock.advance(20);
  assertEquals(await nextOf(playback), ["frame", 0]);
  playback.step(-1);
  await clock.advance(20);
  assertEquals(await nextOf(playback), ["start", BEGIN]);
  await playback[Symbol.asyncDispose]();
});

for (const speed of [1, -1, 8, -60]) {
  Deno.test(`Playback at speed ${speed} jumps over a gap and reports it`, async () => {
    const camera = new RecordedCamera().record(BEGIN, 300, 100);
    const [end, resume] = [camera.times.at(-1)!, BEGIN + 600_000];
    camera.record(resume, 300, 100);
    const clock = new ManualClock();
    const at = speed > 0 ? end - 1_000 : resume + 1_000;
    const { playback } = play(camera, clock, { at, speed });
    const shown = await watch(playback, clock, { duration: 1_500 });
    const gaps = shown.filter((event) => event.type === "gap");
    assertEquals(gaps.map(({ from, to }) => [from, to]), [[end, resume]]);
    const frames = framesOf(shown);
    const before = frames.filter(({ at }) => speed > 0 ? at <= end : at >= resume);
    const behind = frames.filter((frame) => !before.includes(frame));
    assert(before.length > 0 && behind.length > 0);
    const pause = behind[0]!.time - before.at(-1)!.time;
    assert(pause <= 100 / Math.abs(speed) + 1000 / 60 + 1, `paused for ${pause} ms at the gap`);
    assert(Math.abs(behind[0]!.at - (speed > 0 ? resume : end)) <= Math.abs(speed) * 17 + 100);
  });
}

Deno.test("Playback that begins in a gap jumps to its end", async () => {
  const camera = new RecordedCamera().record(BEGIN, 10, 100).record(BEGIN + 60_000, 10, 100);
  for (const [speed, number] of [[1, 10], [-1, 9]] as const) {
    const clock = new ManualClock();
    const { playback } = play(camera, clock, { at: BEGIN + 30_000, speed });
    assertEquals(await nextOf(playback), ["gap", BEGIN + 900, BEGIN + 60_000]);
    assertEquals(await nextOf(playback), ["frame", number]);
    await playback[Symbol.asyncDispose]();
  }
});

Deno.test("Playback does not take a low frame rate for gaps", async () => {
  const camera = new RecordedCamera().record(BEGIN, 20, 4_000);
  const clock = new ManualClock();
  const { playback } = play(camera, clock, { at: BEGIN, speed: 1 });
  const shown = await watch(playback, clock, { duration: 12_000 });
  assertEquals(shown.map(({ type, time }) => [type, time]), [
    ["frame", 0],
    ["frame", 4_000],
    ["frame", 8_000],
    ["frame", 12_000],
  ]);
});

Deno.test("Playback backwards stays on the oldest frame, and goes on forwards from there", async () => {
  const camera = new RecordedCamera().record(BEGIN, 20, 100);
  const clock = new ManualClock();
  const { playback } = play(camera, clock, { at: BEGIN + 150, speed: -1 });
  for (const expected of [["frame", 2], ["frame", 1], ["frame", 0], ["start", BEGIN]]) {
    const next = nextOf(playback);
    await clock.advance(100);
    assertEquals(await next, expected);
  }
  const next = nextOf(playback);
  await clock.advance(100_000);
  playback.follow(new Playhead({ at: playback.position, speed: 1, clock }), false);
  await clock.advance(100);
  assertEquals(await next, ["frame", 1]);
  await playback[Symbol.asyncDispose]();
});

Deno.test("Playback passes frames that are deleted meanwhile", async () => {
  const camera = new RecordedCamera().record(BEGIN, 100, 100);
  const clock = new ManualClock();
  const { playback } = play(camera, clock, { at: BEGIN, speed: 1 });
  assertEquals(await nextOf(playback), ["frame", 0]);
  for (const time of camera.times.slice(2, 10)) camera.deleted.add(time);
  const shown = framesOf(await watch(playback, clock, { duration: 1_200 }));
  assertEquals(shown.map(({ number }) => number), [1, 10, 11, 12]);
});

Deno.test("Playback goes on at the oldest frame when the retention has overtaken it", async () => {
  const camera = new RecordedCamera().record(BEGIN, 100, 100);
  const clock = new ManualClock();
  const { playback } = play(camera, clock, { at: BEGIN, speed: 1 });
  assertEquals(await nextOf(playback), ["frame", 0]);
  await settle();
  camera.deleteBefore(BEGIN + 5_000);
  const shown = await watch(playback, clock, { duration: 500 });
  assertEquals(shown.map(({ type }) => type).slice(0, 3), ["frame", "gap", "frame"]);
  // Frame 1 has been read ahead.
  assertEquals(framesOf(shown).map(({ number }) => number).slice(0, 4), [1, 50, 51, 52]);
});

Deno.test("Playback reports that nothing is recorded", async () => {
  for (const speed of [-1, 0, 1]) {
    const clock = new ManualClock();
    const { playback } = play(new RecordedCamera(), clock, { at: BEGIN, speed });
    assertEquals((await playback.next()).type, "none");
    await playback[Symbol.asyncDispose]();
  }
});

Deno.test("Playback of 1000 requests shows the last one, and leaves no source open", async () => {
  const camera = new RecordedCamera().record(BEGIN, 18_000, INTERVAL);
  const clock = new ManualClock();
  camera.delay = () => clock.sleep(3);
  const { playback } = play(camera, clock, { at: BEGIN, speed: 0 });
  const shown: number[] = [];
  const watching = (async () => {
    for (let event; (event = await playback.next()).type !== "end";) {
      if (event.type !== "frame") continue;
      await clock.sleep(1000 * FRAME_SIZE / 500_000);
      shown.push(readImage(event.jpeg).number);
    }
  })();
  for (let request = 1; request <= 1_000; request++) {
    const at = BEGIN + Math.round(request * 18 * INTERVAL);
    playback.follow(new Playhead({ at, speed: 0, clock }), true);
    if (request % 4 === 0) await clock.advance(40);
  }
  await clock.advance(300);
  assert(Math.abs(shown.at(-1)! - 17_999) <= 1 && shown.length > 60, `${shown.length} frames`);
  await Promise.all([playback[Symbol.asyncDispose](), clock.advance(100), watching]);
  assertEquals(camera.open, 0);
});

Deno.test("Playback ends a pending next() when it is closed, after the pending read", async () => {
  const camera = new RecordedCamera().record(BEGIN, 100, 100);
  const clock = new ManualClock();
  const { playback } = play(camera, clock, { at: BEGIN, speed: 0 });
  await playback.next();
  const next = playback.next();
  await settle();
  await playback[Symbol.asyncDispose]();
  assertEquals(await next, { type: "end" });
  const hanging = Promise.withResolvers<void>();
  camera.delay = () => hanging.promise;
  const slow = play(camera, clock, { at: BEGIN, speed: 1 }).playback;
  const pending = slow.next();
  await settle();
  const closed = slow[Symbol.asyncDispose]();
  hanging.resolve();
  await closed;
  assertEquals([await pending, camera.open], [{ type: "end" }, 0]);
});

Deno.test("Playback rejects next() when the recording cannot be read", async () => {
  const camera = new RecordedCamera().record(BEGIN, 100, 100);
  camera.delay = () => Promise.reject(new Error("EIO"));
  const { playback } = play(camera, new ManualClock(), { at: BEGIN, speed: 1 });
  const error = await playback.next().catch((error: Error) => error.message);
  assertEquals(error, "EIO");
  await playback[Symbol.asyncDispose]();
});
