import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { MAX_HEAD_SIZE } from "../../../lib/matroska/mod.ts";
import { settle } from "../../manual_clock.ts";
import { Fixture, RATE, ROOT } from "./recorder_fixture.ts";
import type { FileContent } from "./segment_files.ts";

const MINUTE = 60_000;

Deno.test("Recorder writes sound in clusters of 100 ms, at the time of the frames", async () => {
  await using fixture = new Fixture({ microphone: true });
  fixture.recorder.start();
  const start = fixture.clock.now();
  await fixture.deliverBoth(4_000, { late: 30 });
  await fixture.stop();
  const [{ head, frames, sound, isComplete }] = fixture.contents as [FileContent];
  assert(isComplete);
  assertEquals([head.sound, head.length], [{ rate: RATE }, MAX_HEAD_SIZE]);
  assertEquals(frames.map(({ at }) => at), Array.from({ length: 100 }, (_, i) => start + i * 40));
  assertEquals(new Set(sound.slice(0, -1).map(({ samples }) => samples.length)), new Set([1_600]));
  assertGreater(sound.length, 38);
  for (const { at, samples } of sound) {
    assertAlmostEquals(at, timeOf(start, firstSample(samples), 30), 1);
  }
  assertEquals(gaps(sound), []);
  assertEquals(fixture.numbers, fixture.all);
  assertEquals(fixture.recorder.status().sound, { dropped: 0 });
});

Deno.test("Recorder without a microphone writes the same bytes as ever", async () => {
  await using fixture = new Fixture();
  fixture.recorder.start();
  await fixture.deliverBoth(1_000);
  await fixture.stop();
  const [{ head, sound }] = fixture.contents as [FileContent];
  assertEquals([head.sound, sound, fixture.sound.joins], [undefined, [], 0]);
  assertEquals(fixture.recorder.status().sound, undefined);
});

for (const late of [-500, -80, 0, 30, 110, 300]) {
  Deno.test(`Recorder loses and doubles no sample at a minute, with sound ${late} ms late`, async () => {
    await using fixture = new Fixture({ microphone: true });
    fixture.recorder.start();
    await fixture.deliverBoth(3 * MINUTE, { late });
    await fixture.stop();
    const { contents } = fixture;
    assertEquals(contents.length, 4);
    assertEquals(gaps(contents.flatMap(({ sound }) => sound)), []);
    for (const [i, { head, frames, sound }] of contents.entries()) {
      const next = contents[i + 1]?.head.date ?? Infinity;
      // All samples are on their side, except for those of a packet that both share.
      assert(sound.every(({ at }) => at >= head.date && at < next));
      assertLess(sound[0]!.at - head.date, i === 0 ? 20 + Math.max(0, -late) : 20);
      const { at, samples } = sound.at(-1)!;
      if (next < Infinity) assertAlmostEquals(at + samples.length / 16, next, 20);
      assertGreater(frames.length, 600);
    }
    assertEquals(fixture.numbers, fixture.all);
  });
}

Deno.test("Recorder waits at a minute for sound that is about to arrive, and for no other", async () => {
  // The minute ends 26,877 ms after the start: with the frame at 26,880.
  for (const isFlowing of [true, false]) {
    await using fixture = new Fixture({ microphone: true });
    fixture.recorder.start();
    await fixture.deliverBoth(26_000, { late: 60 });
    await fixture.deliverBoth(900, { late: 60, sound: isFlowing });
    assertEquals(fixture.names.length, isFlowing ? 1 : 2);
    await fixture.deliverBoth(100, { late: 60, sound: isFlowing });
    assertEquals(fixture.names.length, 2);
    await fixture.stop();
    assertEquals(fixture.numbers, fixture.all);
  }
});

Deno.test("Recorder goes on with the frames when the microphone fails, and with its sound", async () => {
  await using fixture = new Fixture({ microphone: true });
  fixture.recorder.start();
  await fixture.deliverBoth(1_000, { sound: false });
  await fixture.deliverBoth(2_000);
  await fixture.deliverBoth(3_000, { sound: false });
  await fixture.deliverBoth(2_000);
  await fixture.stop();
  const { contents, numbers, all } = fixture;
  assertEquals([contents.length, numbers], [1, all]);
  const { head, sound } = contents[0]!;
  const start = head.date;
  for (const { at, samples } of sound) {
    assertAlmostEquals(at, timeOf(start, firstSample(samples), 0), 1);
  }
  assertEquals(gaps(sound).map(({ from, to }) => (to - from) / RATE), [3]);
});

Deno.test("Recorder drops sound without a segment", async () => {
  await using fixture = new Fixture({ microphone: true });
  fixture.recorder.start();
  await fixture.deliverBoth(2_000, { frames: false });
  assertEquals(fixture.names, []);
  await fixture.deliverBoth(1_000);
  await fixture.deliverBoth(60_000, { frames: false });
  const { length } = fixture.memory.content(`${ROOT}/front/${fixture.names[0]}`);
  await fixture.deliverBoth(10_000, { frames: false });
  assertEquals(fixture.memory.content(`${ROOT}/front/${fixture.names[0]}`).length, length);
  await fixture.deliverBoth(1_000);
  await fixture.stop();
  const [first, second] = fixture.contents as [FileContent, FileContent];
  assert(first.isComplete && second.isComplete);
  // Until the camera counts as silent, the segment is open.
  const ends = [first, second].map(({ head, sound }) => sound.at(-1)!.at - head.date);
  assert(ends[0]! > 5_000 && ends[0]! < 7_500 && ends[1]! < 1_000, `${ends}`);
  assertEquals(fixture.recorder.status().sound, { dropped: 0 });
});

Deno.test("Recorder begins a segment when the rate of the sound changes", async () => {
  await using fixture = new Fixture({ microphone: true });
  fixture.recorder.start();
  await fixture.deliverBoth(2_000);
  fixture.sound.rate = 16_000;
  await fixture.deliverBoth(2_000);
  await fixture.stop();
  const { contents } = fixture;
  assertEquals(contents.map(({ head }) => head.sound?.rate), [RATE, 16_000]);
  assertEquals(fixture.numbers, fixture.all);
  for (const { sound, head } of contents) {
    const bytes = sound.reduce((sum, { samples }) => sum + samples.length, 0);
    assertGreater(bytes / 2 / head.sound!.rate, 1.85);
  }
});

Deno.test("Recorder keeps sound while the disk hangs, within the limit of its queue", async () => {
  await using fixture = new Fixture({ microphone: true });
  fixture.recorder.start();
  await fixture.deliverBoth(1_000);
  fixture.disk.hang("append");
  await fixture.deliverBoth(3_000);
  fixture.disk.recover();
  await settle();
  await fixture.deliverBoth(1_000);
  const { contents } = fixture;
  assertEquals([contents.length, gaps(contents[0]!.sound)], [1, []]);
  fixture.disk.hang("append");
  fixture.sound.rate = 48_000;
  await fixture.deliverBoth(60_000, { frames: false });
  const { sound } = fixture.recorder.status();
  assertAlmostEquals(sound!.dropped, (60 - 4 * 2 ** 20 / 96_000) * 50, 200);
});

Deno.test("Recorder goes on with frames and sound in another segment after an error", async () => {
  await using fixture = new Fixture({ microphone: true });
  fixture.recorder.start();
  await fixture.deliverBoth(1_000);
  fixture.disk.fail("EIO", "append");
  await fixture.deliverBoth(100);
  fixture.disk.recover();
  await fixture.deliverBoth(3_000);
  await fixture.stop();
  const { contents } = fixture;
  assert(contents.every(({ isComplete }) => isComplete));
  assertEquals([contents.length, fixture.numbers], [2, fixture.all]);
  const [first, second] = contents as [FileContent, FileContent];
  assertLess(second.sound[0]!.at - second.head.date, 40);
  assertEquals([gaps(first.sound), gaps(second.sound)], [[], []]);
});

Deno.test("Recorder reserves exactly what its files with sound need", async () => {
  await using fixture = new Fixture({ microphone: true });
  fixture.recorder.start();
  await fixture.deliverBoth(MINUTE + 5_000, { late: 50 });
  await fixture.stop();
  const sizes = fixture.names.map((name) => fixture.memory.content(`${ROOT}/front/${name}`).length);
  assertEquals(sizes.length, 2);
  assertEquals(fixture.storage.reserved, sizes.reduce((sum, size) => sum + size, 0));
});

Deno.test("Recorder corrects the times of segments with sound, and keeps the sound", async () => {
  let isSet = false;
  const before = Date.UTC(2023, 0, 1, 12);
  await using fixture = new Fixture({
    ...{ microphone: true, startedAt: before, isClockSet: () => Promise.resolve(isSet) },
  });
  const real = Date.UTC(2026, 10, 27, 5, 30);
  fixture.recorder.start();
  await fixture.deliverBoth(70_000);
  fixture.clock.step = real - before;
  isSet = true;
  await fixture.deliverBoth(20_000);
  await fixture.stop();
  const contents = fixture.contents.sort((a, b) => a.head.date - b.head.date);
  assertEquals(contents.map(({ head }) => head.date - real), [0, MINUTE, 70_000]);
  for (const { head, sound, isComplete } of contents) {
    assertEquals([isComplete, head.sound, gaps(sound)], [true, { rate: RATE }, []]);
    assertGreater(sound.length, 70);
  }
});

Deno.test("Recorder gives back the room for the index of a segment that it cannot close", async () => {
  await using fixture = new Fixture({ microphone: true });
  fixture.recorder.start();
  await fixture.deliverBoth(3_000);
  fixture.disk.fail("EIO", "append");
  await fixture.stop();
  const { length } = fixture.memory.content(`${ROOT}/front/${fixture.names[0]}`);
  assertEquals(fixture.storage.reserved, length);
});

Deno.test("Recorder respects the size of segments with sound", async () => {
  await using fixture = new Fixture({ microphone: true });
  fixture.storage.maxSegment = 100_000;
  fixture.recorder.start();
  await fixture.deliverBoth(5_000);
  await fixture.stop();
  const sizes = fixture.names.map((name) => fixture.memory.content(`${ROOT}/front/${name}`).length);
  assertGreater(sizes.length, 3);
  for (const size of sizes) assertLess(size, 100_000 + MAX_HEAD_SIZE + 3_000);
  assertEquals(gaps(fixture.contents.flatMap(({ sound }) => sound)), []);
});

Deno.test("Recorder requests a silent microphone to retry each minute, and leaves it", async () => {
  await using fixture = new Fixture({ microphone: true });
  const { sound, recorder, clock } = fixture;
  recorder.start();
  assertEquals([sound.joins, sound.subscribers.size], [1, 1]);
  await clock.advance(59_000);
  assertEquals(sound.retries, 0);
  await clock.advance(121_000);
  assertEquals([sound.joins, sound.retries], [1, 3]);
  recorder.end(); // of the camera
  assertEquals(sound.subscribers.size, 1);
  await fixture.stop();
  assertEquals(sound.subscribers.size, 0);
});

/** Returns the time of a sample of the fake microphone that began to hear at `start`. */
function timeOf(start: number, sample: number, late: number): number {
  return start + sample / RATE * 1000 - 20 - late;
}

function firstSample(samples: Uint8Array): number {
  return samplesOf(samples)[0]!;
}

/** Returns the places where samples are missing or doubled. */
function gaps(sound: readonly { samples: Uint8Array }[]): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  let expected: number | undefined;
  for (const sample of sound.flatMap(({ samples }) => [...samplesOf(samples)])) {
    if (expected !== undefined && sample !== expected) found.push({ from: expected, to: sample });
    expected = (sample + 1) % 65_536;
  }
  return found;
}

function samplesOf(samples: Uint8Array): Uint16Array {
  return new Uint16Array(samples.slice().buffer);
}
