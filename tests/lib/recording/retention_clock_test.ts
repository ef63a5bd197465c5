import { assert, assertEquals } from "@std/assert";
import type { OpenSegment, Segment } from "../../../lib/recording/segment.ts";
import { DAY, dayOf } from "../../../lib/recording/segment_name.ts";
import { MemoryDisk } from "./faulty_disk.ts";
import { SettableClock } from "./recorder_fixture.ts";
import { Fixture, frames, HOUR, mark, MINUTE, NOW, SECOND } from "./retention_fixture.ts";
import { writeSegment } from "./segment_file.ts";

const YEAR = 365 * DAY;
const WEEK = { maxAge: 7 * DAY, tiers: [] };

/** Writes a segment a day, the newest one a minute ago. */
async function writeDays(memory: MemoryDisk, days: number): Promise<void> {
  for (let number = 1; number <= days; number++) {
    const start = NOW - (days - number) * DAY - 2 * MINUTE;
    await writeSegment(memory, { number, frames: frames(start) });
  }
}

/** Advances a clock in small steps, so that each check ends before the next one. */
async function advance(clock: SettableClock, ms: number): Promise<void> {
  for (; ms > 0; ms -= 5 * SECOND) await clock.advance(Math.min(ms, 5 * SECOND));
}

/** Ages of the recordings in days, by a time. */
function ages(segments: readonly Segment[], now = NOW): number[] {
  return segments.map(({ end }) => Math.floor((now - end) / DAY));
}

/** Lines of the log that say that recordings are kept. */
function keptLines(fixture: Fixture): string[] {
  return fixture.log.lines.filter((line) => line.includes("old recordings are kept"));
}

Deno.test("Retention deletes nothing when the clock is set years ahead and back in an hour", async () => {
  const memory = new MemoryDisk("/r");
  await writeDays(memory, 7);
  await using fixture = await Fixture.open({ memory, retention: WEEK });
  const { clock } = fixture;
  await advance(clock, MINUTE);
  clock.step = 10 * YEAR;
  await advance(clock, 59 * MINUTE);
  assertEquals((await fixture.all()).length, 7);
  assertEquals(keptLines(fixture), [
    "warn old recordings are kept for an hour more, in case the clock is wrong " +
    '{"reason":"the clock was set forward by 3650 d"}',
  ]);
  clock.step = 0;
  await advance(clock, 6 * HOUR);
  assertEquals((await fixture.all()).length, 7);
  await advance(clock, 18 * HOUR);
  assertEquals((await fixture.all()).length, 6);
  assertEquals(keptLines(fixture).length, 1);
});

Deno.test("Retention counts ages as before for an hour after a step, then by the new time", async () => {
  const memory = new MemoryDisk("/r");
  await writeDays(memory, 7);
  await using fixture = await Fixture.open({ memory, retention: WEEK });
  const { clock } = fixture;
  await advance(clock, DAY - 30 * MINUTE);
  assertEquals((await fixture.all()).length, 7);
  clock.step = 3 * DAY;
  await advance(clock, 59 * MINUTE);
  assertEquals((await fixture.all()).length, 6, "by the old time, the first one is 7 days old");
  await advance(clock, MINUTE + 20 * SECOND);
  assertEquals((await fixture.all()).length, 3);
});

Deno.test("Retention waits for a clock that was stable for an hour", async () => {
  const memory = new MemoryDisk("/r");
  await writeDays(memory, 7);
  await using fixture = await Fixture.open({ memory, retention: WEEK });
  const { clock } = fixture;
  for (let n = 0; n < 5; n++) {
    clock.step += YEAR;
    await advance(clock, 50 * MINUTE);
  }
  assertEquals((await fixture.all()).length, 7);
  assertEquals(keptLines(fixture).length, 1);
  await advance(clock, 11 * MINUTE);
  assertEquals((await fixture.all()).length, 0);
});

Deno.test("Retention follows a step of the clock of an hour or less at once", async () => {
  const memory = new MemoryDisk("/r");
  await writeDays(memory, 7);
  await using fixture = await Fixture.open({ memory, retention: WEEK });
  await advance(fixture.clock, DAY - 30 * MINUTE);
  fixture.clock.step = 50 * MINUTE;
  await advance(fixture.clock, 10 * SECOND);
  assertEquals((await fixture.all()).length, 6);
  assertEquals(keptLines(fixture), []);
});

Deno.test("Retention deletes and thins nothing while the clock was never set", async () => {
  const memory = new MemoryDisk("/r");
  await writeDays(memory, 9);
  const retention = { maxAge: 7 * DAY, tiers: [{ after: 2 * DAY, fps: 0.01 }] };
  const fixture = new Fixture({ memory, retention });
  await using _ = fixture;
  const { clock, library, log } = fixture;
  fixture.isClockSet = false;
  await library.start();
  await library.loaded;
  fixture.retention.start();
  await advance(clock, 5 * HOUR);
  assertEquals((await fixture.all()).length, 9);
  assertEquals(log.lines, [
    "info old recordings are kept until the clock of the machine is set undefined",
  ]);
  fixture.isClockSet = true; // and it was right
  await advance(clock, 20 * SECOND);
  assertEquals((await fixture.all()).length, 7);
  assertEquals((await fixture.all()).map(({ thinnedTo }) => thinnedTo).slice(0, 5), [
    ...[0.01, 0.01, 0.01, 0.01, 0.01],
  ]);
});

Deno.test("Retention waits for an hour after a machine without a battery has set its clock", async () => {
  const memory = new MemoryDisk("/r");
  await writeDays(memory, 9);
  const fixture = new Fixture({ memory, retention: WEEK });
  await using _ = fixture;
  const { clock, library } = fixture;
  fixture.isClockSet = false;
  clock.step = -NOW; // 1970
  await library.start();
  fixture.retention.start();
  await advance(clock, 10 * MINUTE);
  clock.step = 0;
  fixture.isClockSet = true;
  await advance(clock, 59 * MINUTE);
  assertEquals((await fixture.all()).length, 9);
  await advance(clock, 2 * MINUTE);
  assertEquals((await fixture.all()).length, 7);
});

Deno.test("Retention waits for an hour when the newest recording is old at the start", async () => {
  const memory = new MemoryDisk("/r");
  await writeDays(memory, 7);
  const clock = new SettableClock(NOW + 30 * DAY);
  {
    const restarted = new Fixture({ memory, retention: WEEK, clock });
    await using _ = restarted;
    await restarted.library.start();
    restarted.retention.start();
    await restarted.record("front", frames(clock.now()));
    await advance(clock, 50 * MINUTE);
    assertEquals(keptLines(restarted), [
      "warn old recordings are kept for an hour more, in case the clock is wrong " +
      '{"reason":"nothing was recorded for 30 d"}',
    ]);
    await restarted.record("front", frames(clock.now()));
    assertEquals((await restarted.all()).length, 9);
  }
  // What was recorded since then does not mean that the clock is right.
  const again = new Fixture({ memory, retention: WEEK, clock });
  await using _ = again;
  await again.library.start();
  again.retention.start();
  await advance(clock, 59 * MINUTE);
  assertEquals((await again.all()).length, 9);
  await advance(clock, 2 * MINUTE);
  assertEquals(ages(await again.all(), clock.now()), [0, 0]);
});

Deno.test("Retention holds the maximum size while the clock may be wrong", async () => {
  const memory = new MemoryDisk("/r");
  await using fixture = await Fixture.open({ memory, retention: WEEK, max: 50_000 });
  const { clock, storage, library } = fixture;
  for (let n = 0; n < 200; n++) {
    if (n === 100) clock.step = 10 * YEAR;
    const reserved = storage.reserve(1_500);
    await advance(clock, 10 * SECOND);
    await reserved;
    const { bytes } = await fixture.record("front", frames(clock.now(), 3, 1 * SECOND));
    storage.release(1_500 - bytes);
    assert(library.totalBytes <= 50_000);
  }
  const left = await fixture.all();
  assert(left.length > 20 && left.length < 100, `${left.length} left`);
  assertEquals(left.at(-1)!.number, 200);
  assertEquals(left.length, 200 - left[0]!.number + 1);
});

/** Segments of ten minutes: numbers 11 to 20 were recorded with a clock that was years ahead. */
async function writeWithFuture(memory: MemoryDisk, count = 30): Promise<void> {
  for (let number = 1; number <= count; number++) {
    const recorded = NOW - HOUR * (count - number) - 2 * MINUTE;
    const wrong = number > 10 && number <= 20 ? 5 * YEAR : 0;
    await writeSegment(memory, { number, frames: frames(recorded + wrong) });
  }
}

Deno.test("Retention deletes segments from the future after those that were recorded before", async () => {
  const memory = new MemoryDisk("/r");
  await writeWithFuture(memory);
  const retention = { maxAge: 31 * HOUR, tiers: [] };
  await using fixture = await Fixture.open({ memory, retention });
  const { clock } = fixture;
  await fixture.marks.add("front", mark(NOW - HOUR * 15 + 5 * YEAR));
  for (let hour = 1; hour <= 33; hour++) {
    await advance(clock, HOUR);
    const left = (await fixture.all()).map(({ number }) => number).sort((a, b) => a - b);
    const recordedBefore = (number: number) => NOW - HOUR * (30 - number) - 2 * MINUTE;
    for (let number = 1; number <= 30; number++) {
      const isWrong = number > 10 && number <= 20;
      // A wrong one is as old as the first one that was recorded after it.
      const age = clock.now() - recordedBefore(isWrong ? 21 : number);
      if (age < 31 * HOUR) assert(left.includes(number), `${number} deleted too early`);
      if (age > 31 * HOUR + 70 * SECOND) assert(!left.includes(number), `${number} left`);
    }
  }
  await advance(clock, 2 * HOUR);
  assertEquals([...memory.folders].filter((folder) => folder > `/r/front/${dayOf(NOW + DAY)}`), []);
  assertEquals(memory.used, fixture.library.totalBytes);
});

Deno.test("Retention deletes segments from the future without later ones when it ran so long", async () => {
  const memory = new MemoryDisk("/r");
  await writeWithFuture(memory, 20);
  await using fixture = await Fixture.open({ memory, retention: { maxAge: 2 * DAY, tiers: [] } });
  await advance(fixture.clock, 2 * DAY);
  assertEquals((await fixture.all()).map(({ number }) => number), [
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
    20,
  ]);
  await advance(fixture.clock, 10 * SECOND);
  assertEquals(await fixture.all(), []);
});

Deno.test("Segments from the future are older than the one that is being recorded", async () => {
  const memory = new MemoryDisk("/r");
  await writeWithFuture(memory, 20);
  await using fixture = await Fixture.open({ memory });
  const { clock, library } = fixture;
  await advance(clock, 5 * HOUR);
  const [future] = await library.segments("front", NOW + YEAR, Infinity);
  const start = clock.now();
  const open = { ...future!, number: 21, start, end: start + 1, index: {} } as OpenSegment;
  library.add(open);
  await advance(clock, HOUR);
  assertEquals((await library.oldest(20)).at(-1)!.recordedBy, start);
  await library.remove(open);
  assertEquals((await library.oldest(20)).at(-1)!.recordedBy, NOW);
});

Deno.test("Segments from the future do not block the deletion for the maximum size", async () => {
  const memory = new MemoryDisk("/r");
  await writeWithFuture(memory);
  const fixture = new Fixture({ memory, max: 100_000 });
  await using _ = fixture;
  await fixture.library.start();
  const numbers = async (count: number) =>
    (await fixture.library.oldest(count)).map(({ number }) => number);
  const all = Array.from({ length: 30 }, (_, i) => i + 1);
  await fixture.library.loaded;
  for (const count of [1, 5, 10, 11, 15, 20, 21, 25, 30, 31]) {
    assertEquals(await numbers(count), all.slice(0, count));
  }
  // All of them are in the future for a clock that was not set; what is recorded then is newer.
  fixture.clock.step = -20 * YEAR;
  const wrong = await fixture.record("front", frames(fixture.clock.now()));
  assertEquals(wrong.number, 31);
  await advance(fixture.clock, MINUTE);
  const byEnd = [...all.slice(0, 10), ...all.slice(20), ...all.slice(10, 20), 31];
  for (const count of [1, 15, 25, 30, 31]) {
    assertEquals(await numbers(count), byEnd.slice(0, count));
  }
});

Deno.test("Segments from the future do not block the deletion for free space", async () => {
  const memory = new MemoryDisk("/r");
  await writeWithFuture(memory, 20);
  const fixture = new Fixture({ memory });
  await using _ = fixture;
  let free = 9e9;
  memory.space = () => Promise.resolve({ free, size: 1e10, freeFiles: Infinity });
  await fixture.library.start();
  await fixture.storage.loaded;
  fixture.retention.start();
  free = 2e6;
  await advance(fixture.clock, MINUTE);
  assertEquals((await fixture.all()).length, 10, "not known to be older than ten minutes");
  await advance(fixture.clock, 10 * MINUTE);
  assertEquals(await fixture.all(), []);
});
