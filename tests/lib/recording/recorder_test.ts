import { assert, assertEquals, assertFalse, assertGreater, assertLess } from "@std/assert";
import { StorageError } from "../../../lib/recording/storage.ts";
import { settle } from "../../manual_clock.ts";
import { Fixture, ROOT } from "./recorder_fixture.ts";
import { makeJpeg } from "./segment_files.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;

Deno.test("Recorder writes every frame, with its time, to a complete segment", async () => {
  await using fixture = new Fixture();
  const { recorder, clock, library } = fixture;
  const start = clock.now();
  recorder.start();
  await fixture.deliver(20, { interval: 50 });
  assertEquals(recorder.status().state, "recording");
  assertEquals(recorder.status().frames, 20);
  await fixture.stop();
  assertEquals(fixture.names, ["2026-11-27/05-43-33.123Z.mkv"]);
  const [{ head, frames, isComplete }] = fixture.contents as [typeof fixture.contents[0]];
  assert(isComplete);
  assertEquals(head.writtenBy, "dinocam 1");
  assertEquals(head.size, { width: 1280, height: 720 });
  assertEquals([head.date, head.duration], [start, 1_000]);
  assertEquals(frames.map(({ at }) => at), Array.from({ length: 20 }, (_, i) => start + i * 50));
  assertEquals(fixture.numbers, fixture.all);
  const { length } = fixture.memory.content(`${ROOT}/front/${fixture.names[0]}`);
  assertEquals(library.closed, [{
    ...{ camera: "front", day: "2026-11-27", name: "05-43-33.123Z.mkv", number: 1 },
    ...{ start, end: start + 950, frames: 20, bytes: length, activity: "0" },
  }]);
  assertEquals([library.open, fixture.disk.openFiles], [[], 0]);
  assertEquals(recorder.status().state, "off");
});

Deno.test("Recorder leaves out a frame captured before it joined, and one that it has", async () => {
  await using fixture = new Fixture();
  const { recorder, camera, clock } = fixture;
  camera.deliver(makeJpeg({ number: 99 }));
  await clock.advance(40);
  recorder.start();
  await fixture.deliver(3);
  camera.join(recorder); // offers the latest frame again
  await fixture.stop();
  assertEquals(fixture.numbers, [1, 2, 3]);
});

Deno.test("Recorder makes frames visible only when they are in the file", async () => {
  await using fixture = new Fixture();
  fixture.recorder.start();
  await fixture.deliver(3);
  const [open] = fixture.library.open;
  assertEquals([open!.frames, open!.index.length], [3, 3]);
  fixture.disk.hang("append");
  await fixture.deliver(2);
  assertEquals([open!.frames, open!.index.length], [3, 3]);
  fixture.disk.recover();
  await settle();
  assertEquals([open!.frames, open!.index.length, open!.end - open!.start], [5, 5, 400]);
  assertEquals(open!.index.endOffset(4), open!.bytes);
});

Deno.test("Recorder gives frames of one millisecond times that rise", async () => {
  await using fixture = new Fixture();
  fixture.recorder.start();
  await fixture.deliver(5, { interval: 0 });
  await fixture.deliver(2, { interval: 100 });
  await fixture.stop();
  const times = fixture.contents[0]!.frames.map(({ at }) => at - fixture.contents[0]!.head.date);
  assertEquals(times, [0, 1, 2, 3, 4, 5, 100]);
});

Deno.test("Recorder begins a segment at a UTC minute, without losing a frame", async () => {
  await using fixture = new Fixture();
  fixture.recorder.start();
  await fixture.deliver(1_500); // 150 s
  await fixture.stop();
  assertEquals(fixture.names, [
    "2026-11-27/05-43-33.123Z.mkv",
    "2026-11-27/05-44-00.023Z.mkv",
    "2026-11-27/05-45-00.023Z.mkv",
    "2026-11-27/05-46-00.023Z.mkv",
  ]);
  assertEquals(fixture.numbers, fixture.all);
  const times = fixture.contents.flatMap(({ frames }) => frames.map(({ at }) => at));
  assert(times.every((at, i) => i === 0 || at - times[i - 1]! === 100));
  assertEquals(fixture.library.closed.map(({ number }) => number), [1, 2, 3, 4]);
});

Deno.test("Recorder puts few frames together, up to an hour", async () => {
  await using fixture = new Fixture();
  fixture.recorder.start();
  await fixture.deliver(280, { interval: 20_000 }); // 3 per minute
  await fixture.stop();
  const names = fixture.names.map((name) => name.slice(11, 16));
  // The first frame is by itself: the frame interval is not known yet.
  assertEquals(
    names,
    ["05-43", "05-43", "05-54", "06-00", "06-10", "06-20", "06-30", "06-40"].concat([
      "06-50",
      "07-00",
      "07-10",
    ]),
  );
  assertEquals(fixture.numbers, fixture.all);
});

Deno.test("Recorder keeps segments within the maximum size", async () => {
  await using fixture = new Fixture();
  fixture.storage.maxSegment = 20_000;
  fixture.recorder.start();
  for (let i = 0; i < 60; i++) await fixture.deliver(1, { bytes: 1_000 + (i * 377) % 3_000 });
  await fixture.deliver(1, { bytes: 30_000 }); // larger than a segment may be
  await fixture.deliver(1);
  await fixture.stop();
  assertEquals(fixture.numbers, fixture.all);
  const sizes = fixture.library.closed.map(({ bytes }) => bytes);
  assertGreater(sizes.length, 7);
  assertEquals(sizes.filter((bytes) => bytes > 20_000).length, 1);
  assertGreater(Math.min(...sizes.slice(0, -3)), 15_000);
});

Deno.test("Recorder begins a segment when the size of the pictures changes", async () => {
  await using fixture = new Fixture();
  fixture.recorder.start();
  await fixture.deliver(5);
  await fixture.deliver(5, { width: 640 });
  fixture.disk.hang("append");
  await fixture.deliver(2, { width: 640 });
  await fixture.deliver(2, { width: 320 }); // in one batch with those before
  fixture.disk.recover();
  await settle();
  await fixture.stop();
  const contents = fixture.contents.map(({ head, frames }) => [head.size.width, frames.length]);
  assertEquals(contents, [[1280, 5], [640, 7], [320, 2]]);
  assertEquals(fixture.numbers, fixture.all);
});

Deno.test("Recorder closes the segment when the camera is silent, and waits", async () => {
  await using fixture = new Fixture();
  const { recorder, library, clock } = fixture;
  recorder.start();
  assertEquals(recorder.status().state, "waiting");
  await fixture.deliver(5);
  await clock.advance(4_500);
  assertEquals([library.closed.length, recorder.status().state], [0, "recording"]);
  await clock.advance(2_000);
  assertEquals([library.closed.length, recorder.status().state], [1, "waiting"]);
  assert(fixture.contents[0]!.isComplete);
  await fixture.deliver(5);
  assertEquals(recorder.status().state, "recording");
  assertEquals(fixture.names.length, 2);
});

Deno.test("Recorder asks a silent camera for a retry every minute", async () => {
  await using fixture = new Fixture();
  const { recorder, camera, clock } = fixture;
  recorder.start();
  await fixture.deliver(5);
  await clock.advance(59_000);
  assertEquals(camera.retries, 0);
  await clock.advance(2_000);
  assertEquals(camera.retries, 1);
  await clock.advance(10 * MINUTE);
  assertEquals(camera.retries, 11);
});

Deno.test("Recorder joins again when the camera has ended it", async () => {
  await using fixture = new Fixture();
  const { recorder, camera, clock } = fixture;
  recorder.start();
  await fixture.deliver(2);
  camera.leave(recorder);
  recorder.end();
  await clock.advance(61_000);
  assertEquals(camera.joins, 2);
  await fixture.deliver(2);
  await fixture.stop();
  assertEquals(fixture.numbers, [1, 2, 3, 4]);
});

Deno.test("Recorder limits the frame rate", async () => {
  await using fixture = new Fixture({ fps: 2 });
  fixture.recorder.start();
  await fixture.deliver(50);
  await fixture.stop();
  const { frames } = fixture.contents[0]!;
  assertEquals(frames.length, 10);
  assert(frames.every(({ at }, i) => i === 0 || at - frames[i - 1]!.at === 500));
  assertEquals(fixture.recorder.status().dropped, 0);
});

Deno.test("Recorder syncs once a second, at its own time within it", async () => {
  await using fixture = new Fixture({ syncOffset: 300 });
  const times: number[] = [];
  fixture.disk.onRequest = ({ operation }) => {
    if (operation === "sync") times.push(fixture.clock.monotonic());
  };
  fixture.recorder.start();
  await fixture.deliver(70, { interval: 70 });
  assertEquals(times, [350, 1_330, 2_310, 3_360, 4_340]);
  await fixture.clock.advance(2_600); // the last frames, when no others follow
  assertEquals(times.length, 6);
  assertLess(times[5]!, 6_001);
});

Deno.test("Recorder has one operation of a disk in progress at most", async () => {
  await using fixture = new Fixture();
  fixture.disk.onRequest = () => fixture.clock.sleep(7);
  fixture.recorder.start();
  await fixture.deliver(2_000, { interval: 10 });
  const stopped = fixture.recorder[Symbol.asyncDispose]();
  await fixture.clock.advance(500);
  await stopped;
  assertEquals(fixture.disk.maxInFlight, 1);
  assertEquals(fixture.numbers, fixture.all);
});

Deno.test("Recorder measures its rate over the last minute", async () => {
  await using fixture = new Fixture();
  fixture.recorder.start();
  await fixture.deliver(300, { bytes: 10_000 });
  assert(Math.abs(fixture.recorder.status().bytesPerSecond - 100_230) < 400);
  await fixture.clock.advance(30_000);
  assert(Math.abs(fixture.recorder.status().bytesPerSecond - 50_115) < 1_800);
  await fixture.clock.advance(31_000);
  assertEquals(fixture.recorder.status().bytesPerSecond, 0);
});

for (
  const [name, step] of [
    ["an hour forward", HOUR],
    ["an hour back", -HOUR],
    ["ten years back", -3_653 * 24 * HOUR],
    ["0.6 s forward", 600],
    ["0.6 s back", -600],
  ] as const
) {
  Deno.test(`Recorder goes on in another segment when the clock is set ${name}`, async () => {
    await using fixture = new Fixture();
    const { clock } = fixture;
    const start = clock.now();
    fixture.recorder.start();
    await fixture.deliver(50);
    clock.step = step;
    await fixture.deliver(50);
    await fixture.stop();
    assertEquals(fixture.numbers, fixture.all);
    const [before, after] = fixture.contents.map(({ frames }) => frames.map(({ at }) => at));
    assertEquals(before, Array.from({ length: 50 }, (_, i) => start + i * 100));
    assertEquals(after, Array.from({ length: 50 }, (_, i) => start + 5_000 + step + i * 100));
    assertEquals(fixture.log.lines.filter((line) => line.includes("clock was set")).length, 1);
  });
}

Deno.test("Recorder never overwrites a segment when the clock is set back again and again", async () => {
  await using fixture = new Fixture();
  const { clock } = fixture;
  fixture.recorder.start();
  for (let i = 0; i < 5; i++) {
    await fixture.deliver(10);
    clock.step -= 1_000;
  }
  await fixture.stop();
  assertEquals(fixture.names.map((name) => name.slice(11)), [
    "05-43-33.123Z.mkv",
    ...[2, 3, 4, 5].map((attempt) => `05-43-33.123Z-${attempt}.mkv`),
  ]);
  assertEquals(fixture.numbers, fixture.all);
});

Deno.test("Recorder follows a clock that is adjusted, and never goes back", async () => {
  await using fixture = new Fixture();
  const { clock } = fixture;
  fixture.recorder.start();
  await fixture.deliver(300);
  clock.step = -400;
  await fixture.deliver(300);
  await fixture.deliver(300);
  clock.step = 0;
  await fixture.deliver(900);
  await fixture.stop();
  const times = fixture.contents.flatMap(({ frames }) => frames.map(({ at }) => at));
  assert(times.every((at, i) => i === 0 || at > times[i - 1]!));
  const short = times.filter((at, i) => i > 0 && at - times[i - 1]! < 100);
  assertLess(short.length, fixture.names.length);
  assertEquals(fixture.log.lines.filter((line) => line.includes("clock was set")), []);
  assertEquals(times.at(-1), clock.now() - 100 - 3_000); // 3 s pass while it stops
  assertEquals(fixture.numbers, fixture.all);
});

for (const night of ["2026-03-29T00:58:00Z", "2026-10-25T00:58:00Z"]) {
  Deno.test(`Recorder goes on through the change of summer time at ${night}`, async () => {
    await using fixture = new Fixture({ startedAt: Date.parse(night) });
    fixture.recorder.start();
    await fixture.deliver(2_400, { interval: 100 });
    await fixture.stop();
    assertEquals(fixture.names.map((name) => name.slice(11, 16)), [
      "00-58",
      "00-59",
      "01-00",
      "01-01",
    ]);
    assertEquals(fixture.numbers, fixture.all);
  });
}

Deno.test("Recorder begins a folder at midnight", async () => {
  await using fixture = new Fixture({ startedAt: Date.UTC(2026, 11, 31, 23, 59, 50) });
  fixture.recorder.start();
  await fixture.deliver(200);
  await fixture.stop();
  assertEquals(fixture.names, ["2026-12-31/23-59-50.000Z.mkv", "2027-01-01/00-00-00.000Z.mkv"]);
});

Deno.test("Recorder corrects its times when the machine's clock is set for the first time", async () => {
  let isSet = false;
  await using fixture = new Fixture({
    startedAt: Date.UTC(2023, 0, 1, 12),
    isClockSet: () => Promise.resolve(isSet),
  });
  const { clock, library } = fixture;
  const real = Date.UTC(2026, 10, 27, 5, 30);
  fixture.recorder.start();
  await fixture.deliver(900); // a minute and a half
  clock.step = real - Date.UTC(2023, 0, 1, 12);
  isSet = true;
  await fixture.deliver(200);
  await fixture.stop();
  assertEquals([...fixture.names].sort(), [
    "2026-11-27/05-30-00.000Z.mkv",
    "2026-11-27/05-31-00.000Z.mkv",
    "2026-11-27/05-31-30.000Z.mkv",
  ]);
  const contents = fixture.contents.sort((a, b) => a.head.date - b.head.date);
  const times = contents.flatMap(({ frames }) => frames.map(({ at }) => at));
  assertEquals(times, Array.from({ length: 1_100 }, (_, i) => real + i * 100));
  const starts = library.closed.map(({ start }) => start).sort();
  assertEquals(starts, [real, real + MINUTE, real + 90_000]);
});

Deno.test("Recorder does not correct times of a clock that was set at the start", async () => {
  await using fixture = new Fixture();
  fixture.recorder.start();
  await fixture.deliver(100);
  fixture.clock.step = HOUR;
  await fixture.deliver(300);
  await fixture.stop();
  assertEquals(fixture.names.map((name) => name.slice(11, 19)), [
    "05-43-33",
    "06-43-43",
    "06-44-00",
  ]);
  assertEquals(fixture.disk.count("rename"), 0);
});

Deno.test("Recorder corrects the segment that was open when the clock was set", async () => {
  let isSet = false;
  await using fixture = new Fixture({
    startedAt: Date.UTC(2023, 0, 1, 12),
    isClockSet: () => Promise.resolve(isSet),
  });
  const { clock } = fixture;
  fixture.recorder.start();
  await fixture.deliver(2, { interval: 4_000 });
  await fixture.deliver(1, { interval: 1_000 });
  clock.step = Date.UTC(2026, 10, 27) - Date.UTC(2023, 0, 1);
  isSet = true;
  await clock.advance(2_000); // it is checked at 10 s
  await fixture.deliver(2, { interval: 1_000 });
  await fixture.stop();
  assertEquals(fixture.contents.map(({ head }) => new Date(head.date).toISOString()).sort(), [
    "2026-11-27T12:00:00.000Z",
    "2026-11-27T12:00:11.000Z",
  ]);
});

Deno.test("Recorder does not put frames before and after a silence in one segment", async () => {
  await using fixture = new Fixture();
  const { disk, clock } = fixture;
  fixture.recorder.start();
  await fixture.deliver(5);
  disk.hang("append");
  await fixture.deliver(2);
  await clock.advance(6_000);
  await fixture.deliver(2);
  disk.recover();
  await clock.advance(10);
  await fixture.stop();
  assertEquals(fixture.contents.map(({ frames }) => frames.length), [7, 2]);
});

Deno.test("Recorder pauses with the reason of the storage, and goes on by itself", async () => {
  await using fixture = new Fixture();
  const { recorder, storage } = fixture;
  recorder.start();
  await fixture.deliver(10);
  storage.answer = () => Promise.reject(new StorageError("Only kept marks are left"));
  await fixture.deliver(10);
  assertEquals([recorder.status().state, recorder.status().reason], [
    "paused",
    "Only kept marks are left",
  ]);
  assert(fixture.contents[0]!.isComplete);
  storage.answer = () => undefined;
  await fixture.deliver(30);
  assertEquals([recorder.status().state, recorder.status().reason], ["recording", undefined]);
  await fixture.stop();
  assertEquals(fixture.numbers, fixture.all);
});

Deno.test("Recorder reserves exactly what its files need", async () => {
  await using fixture = new Fixture();
  const { storage } = fixture;
  fixture.recorder.start();
  await fixture.deliver(100);
  await fixture.clock.advance(7_000);
  await fixture.deliver(20);
  await fixture.stop();
  assertEquals(storage.reserved, fixture.library.closed.reduce((sum, { bytes }) => sum + bytes, 0));
});

Deno.test("Recorder stops within its time limit when the disk hangs", async () => {
  await using fixture = new Fixture();
  const { recorder, clock } = fixture;
  recorder.start();
  await fixture.deliver(3);
  fixture.disk.hang("append");
  await fixture.deliver(3);
  let isDisposed = false;
  const disposed = recorder[Symbol.asyncDispose]().then(() => isDisposed = true);
  await clock.advance(2_900);
  assertFalse(isDisposed);
  await clock.advance(200);
  await disposed;
  assertEquals(fixture.camera.subscribers.size, 0);
});
