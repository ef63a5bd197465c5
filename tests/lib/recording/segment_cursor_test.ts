import { assert, assertEquals } from "@std/assert";
import { hasHeadroom, HEADROOM } from "../../../lib/bytes.ts";
import type { Cursor } from "../../../lib/recording/cursor.ts";
import type { SegmentLibrary } from "../../../lib/recording/segment_library.ts";
import { Random } from "../../random.ts";
import { FaultyDisk, MemoryDisk } from "./faulty_disk.ts";
import { every, Recordings, START } from "./recordings.ts";
import { makeJpeg, numberOf } from "./segment_files.ts";

const HOUR = 3_600_000;

/** Writes three segments with 60 frames: times in ms after START, with a gap before the third. */
async function threeSegments(recordings: Recordings): Promise<number[]> {
  const starts = [0, 2000, 9000];
  for (const [i, start] of starts.entries()) {
    await recordings.write({ start: START + start, firstNumber: i * 20 });
  }
  return starts.flatMap((start) => every(100, 20).map((time) => START + start + time));
}

Deno.test("seek finds the frame before and after every moment", async () => {
  await using recordings = new Recordings();
  const times = await threeSegments(recordings);
  const library = await recordings.open();
  await using cursor = library.cursor("front");
  for (let at = START - 150; at < START + 11_200; at += 50) {
    const before = times.findLast((time) => time <= at);
    const after = times.find((time) => time >= at);
    assertEquals((await cursor.seek(at, "before"))?.at, before, `before ${at - START}`);
    assertEquals((await cursor.seek(at, "after"))?.at, after, `after ${at - START}`);
  }
  assertEquals((await cursor.seek(Infinity, "before"))?.at, times.at(-1));
  assertEquals((await cursor.seek(-Infinity, "after"))?.at, times[0]);
  assertEquals((await cursor.seek(0, "after"))?.at, times[0]);
  assertEquals((await cursor.seek(START + 1000 * HOUR, "before"))?.at, times.at(-1));
  assertEquals(await cursor.seek(0, "before"), undefined);
  assertEquals(await cursor.seek(Infinity, "after"), undefined);
});

Deno.test("step visits each frame once, in both directions, and stays at the ends", async () => {
  await using recordings = new Recordings();
  const times = await threeSegments(recordings);
  const library = await recordings.open();
  await using cursor = library.cursor("front");
  assertEquals(await cursor.step(-1), undefined);
  const forwards = await steps(cursor, 1);
  assertEquals(forwards.map(({ at }) => at), times);
  assertEquals(forwards.map(({ number }) => number), every(1, 60));
  assertEquals(await cursor.step(1), undefined);
  assertEquals(numberOf((await cursor.read())!), 59);
  const backwards = await steps(cursor, -1);
  assertEquals(backwards.map(({ number }) => number), every(1, 59).reverse());
  assertEquals(await cursor.step(-1), undefined);
  assertEquals((await cursor.step(1))?.at, times[1]);
});

Deno.test("read returns the JPEG in a buffer with headroom", async () => {
  await using recordings = new Recordings();
  await threeSegments(recordings);
  const library = await recordings.open();
  await using cursor = library.cursor("front");
  assertEquals(await cursor.read(), undefined);
  const found = await cursor.seek(START + 300, "after");
  const jpeg = (await cursor.read())!;
  assertEquals(jpeg, makeJpeg({ number: 3 }));
  assertEquals(found?.size, jpeg.length);
  assert(hasHeadroom(jpeg));
  assertEquals(jpeg.byteOffset, HEADROOM);
  assertEquals(jpeg.buffer.byteLength, jpeg.length + 2 * HEADROOM);
});

Deno.test("a cursor keeps at most one file open, and reads an index once", async () => {
  await using recordings = new Recordings();
  await threeSegments(recordings);
  const disk = new FaultyDisk(recordings.disk);
  recordings.disk = disk;
  const library = await recordings.open();
  await library[Symbol.asyncDispose]();
  const opened = disk.openFiles;
  {
    await using cursor = library.cursor("front");
    let max = 0;
    for (let i = 0; i < 70; i++) {
      await cursor.step(1);
      await cursor.read();
      max = Math.max(max, disk.openFiles - opened);
    }
    assertEquals(max, 1);
    const reads = disk.count("readAt");
    for (let i = 0; i < 59; i++) await cursor.step(-1);
    assertEquals(disk.count("readAt"), reads, "steps read nothing");
  }
  assertEquals(disk.openFiles, opened);
});

Deno.test("a cursor follows a segment that is recorded, and its successor", async () => {
  await using recordings = new Recordings();
  const library = await recordings.open();
  await using cursor = library.cursor("front");
  let number = 0;
  for (const start of [0, 1000, 2000]) {
    const writer = await recordings.begin({ start: START + start });
    library.add(writer.segment);
    for (const time of every(100, 10)) {
      assertEquals(await cursor.step(1), undefined);
      const jpeg = makeJpeg({ number });
      await writer.append([{ jpeg, at: START + start + time }]);
      assertEquals((await cursor.step(1))?.at, START + start + time);
      assertEquals(numberOf((await cursor.read())!), number++);
    }
    await library.replace(writer.segment, (await writer.close())!);
    assertEquals(numberOf((await cursor.read())!), number - 1);
  }
  assertEquals((await steps(cursor, -1)).length, 29);
});

Deno.test("a cursor skips segments that are deleted, by us or by others", async () => {
  for (const isRemoved of [true, false]) {
    await using recordings = new Recordings();
    const times = await threeSegments(recordings);
    const library = await recordings.open();
    await using cursor = library.cursor("front");
    await cursor.seek(START, "after");
    const segments = await library.segments("front", -Infinity, Infinity);
    await Deno.remove(recordings.path(segments[1]!));
    if (isRemoved) await library.remove(segments[1]!);
    const seen = (await steps(cursor, 1)).map(({ at }) => at);
    assertEquals(seen, [...times.slice(1, 20), ...times.slice(40)]);
    assertEquals((await library.segments("front", -Infinity, Infinity)).length, 2);
    await Deno.remove(recordings.path(segments[2]!));
    if (isRemoved) await library.remove(segments[2]!);
    await using other = library.cursor("front");
    if (!isRemoved) { // its index is known, but the file is gone
      assertEquals((await other.seek(Infinity, "before"))?.at, times[59]);
      assertEquals(await other.read(), undefined);
    }
    assertEquals((await other.seek(Infinity, "before"))?.at, times[19]);
  }
});

Deno.test("a library forgets nothing while its disk is not mounted", async () => {
  await using recordings = new Recordings();
  const times = await threeSegments(recordings);
  const library = await recordings.open();
  await using cursor = library.cursor("front");
  Deno.renameSync(`${recordings.root}/front`, `${recordings.root}/elsewhere`);
  assertEquals(await cursor.seek(START, "after"), undefined);
  assertEquals((await library.segments("front", -Infinity, Infinity)).length, 3);
  Deno.renameSync(`${recordings.root}/elsewhere`, `${recordings.root}/front`);
  await recordings.clock.advance(60_000);
  assertEquals((await steps(cursor, 1)).length, times.length);
});

Deno.test("a cursor finds the frame again that a thinned segment still has", async () => {
  await using recordings = new Recordings();
  await threeSegments(recordings);
  const library = await recordings.open();
  await using cursor = library.cursor("front");
  await using other = library.cursor("front");
  await other.seek(START + 2500, "after");
  await cursor.seek(START + 2500, "after");
  assertEquals(numberOf((await cursor.read())!), 25);
  const [, old] = await library.segments("front", -Infinity, Infinity);
  await Deno.remove(recordings.path(old!));
  const times = every(500, 4);
  const thinned = await recordings.write({ start: START + 2000, number: old!.number, times });
  await library.replace(old!, { ...thinned, thinnedTo: 2 });
  assertEquals((await other.step(1))?.at, START + 3000);
  assertEquals(numberOf((await cursor.read())!), 1); // the second frame of the thinned file
  assertEquals((await cursor.step(1))?.at, START + 3000);
  assertEquals(numberOf((await cursor.read())!), 2);
  await cursor.seek(START + 3000, "after");
  assertEquals((await cursor.step(-1))?.at, START + 2500);
});

Deno.test("a cursor survives a file that cannot be read", async () => {
  await using recordings = new Recordings();
  const times = await threeSegments(recordings);
  const disk = new FaultyDisk(recordings.disk);
  recordings.disk = disk;
  const library = await recordings.open();
  await using cursor = library.cursor("front");
  await cursor.seek(START + 500, "after");
  disk.fail("EIO", "readAt");
  assertEquals(await cursor.read(), undefined);
  assertEquals(await cursor.seek(START + 5000, "before"), undefined);
  disk.recover();
  await recordings.clock.advance(60_000);
  assertEquals((await cursor.seek(START + 500, "after"))?.at, times[5]);
  assertEquals(numberOf((await cursor.read())!), 5);
});

Deno.test("a cursor plays what was recorded last where the clock was set back", async () => {
  await using recordings = new Recordings();
  // Segments of 2 s. The clock was set back by 10 s after 20 s.
  const passes = [[0, 10], [10_000, 10]] as const;
  let number = 0;
  for (const [start, count] of passes) {
    for (let i = 0; i < count; i++) {
      const at = START + start + i * 2000 + (start > 0 ? 37 : 0);
      await recordings.write({ start: at, times: every(100, 20), firstNumber: number });
      number += 20;
    }
  }
  const library = await recordings.open();
  const expected = [
    ...every(100, 101).map((time, i) => ({ at: START + time, number: i })),
    ...every(100, 200).map((time, i) => ({ at: START + 10_037 + time, number: 200 + i })),
  ];
  await using cursor = library.cursor("front");
  assertEquals(await steps(cursor, 1), expected);
  assertEquals(await steps(cursor, -1), expected.slice(0, -1).reverse());
  for (const { at, number } of expected) {
    await cursor.seek(at + 20, "before");
    assertEquals(numberOf((await cursor.read())!), number);
    await cursor.seek(at - 20, "after");
    assertEquals(numberOf((await cursor.read())!), number);
  }
  const { spans } = await library.timeline("front", -Infinity, Infinity);
  assertEquals(spans.map(({ start, end, frames }) => [start - START, end - START, frames]), [
    [0, 19_900, 200],
    [10_037, 29_937, 200],
  ]);
});

Deno.test("a cursor crosses days, and gaps of months", async () => {
  await using recordings = new Recordings();
  const midnight = Date.UTC(2026, 10, 28);
  const starts = [START - 2000 * HOUR, midnight - 2000, midnight, START + 3000 * HOUR];
  for (const start of starts) await recordings.write({ start });
  const library = await recordings.open({ maxMemory: 0 });
  await using cursor = library.cursor("front");
  const times = starts.flatMap((start) => every(100, 20).map((time) => start + time));
  assertEquals((await steps(cursor, 1)).map(({ at }) => at), times);
  assertEquals((await steps(cursor, -1)).length, 79);
});

Deno.test("seek and step agree with a list of all frames, for random recordings", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    await using recordings = new Recordings();
    recordings.disk = new MemoryDisk(recordings.root);
    const random = new Random(seed);
    const library = await recordings.open({ maxMemory: random.of([0, undefined]) });
    await recordRandomly(recordings, { library, random });
    const expected = await visibleFrames(library);
    await using cursor = library.cursor("front");
    assertEquals((await steps(cursor, 1)).map(({ at }) => at), expected, `seed ${seed}`);
    assertEquals(
      (await steps(cursor, -1)).map(({ at }) => at),
      expected.slice(0, -1).reverse(),
      `seed ${seed}`,
    );
    for (let i = 0; i < 50; i++) {
      const at = START + random.integer(-80_000, 320_000);
      const before = expected.findLast((time) => time <= at);
      assertEquals((await cursor.seek(at, "before"))?.at, before, `seed ${seed}`);
      const after = expected.find((time) => time >= at);
      assertEquals((await cursor.seek(at, "after"))?.at, after, `seed ${seed}`);
    }
  }
});

/** Records segments with gaps and steps of the clock in both directions. */
async function recordRandomly(
  recordings: Recordings,
  { library, random }: { library: SegmentLibrary; random: Random },
): Promise<void> {
  let at = START;
  for (let i = 0; i < 40; i++) {
    const times = every(random.integer(50, 350), random.integer(1, 30));
    const writer = await recordings.writeOpen({ start: at, times });
    library.add(writer.segment);
    await library.replace(writer.segment, (await writer.close())!);
    const end = at + times.at(-1)!;
    const gap = random.of(["none", "none", "none", "none", "long", "back"]);
    if (gap === "back") at = end - random.integer(0, 60_000);
    else at = end + random.integer(1, gap === "long" ? 90_000 : 300);
  }
}

/** Returns the times of all visible frames: those that no later recording covers. */
async function visibleFrames(library: SegmentLibrary): Promise<number[]> {
  const segments = [...await library.segments("front", -Infinity, Infinity)]
    .sort((a, b) => b.number - a.number);
  const covered: [number, number][] = [];
  const visible: number[] = [];
  for (const [i, segment] of segments.entries()) {
    const index = (await library.index(segment))!;
    for (let frame = 0; frame < index.length; frame++) {
      const at = segment.start + index.time(frame);
      if (!covered.some(([from, to]) => at >= from && at <= to)) visible.push(at);
    }
    const next = segments[i - 1];
    const interval = (one: typeof segment) =>
      one.frames > 1 ? (one.end - one.start) / (one.frames - 1) : 0;
    const gap = next ? next.start - segment.end : Infinity;
    const limit = next ? Math.max(2000, 5 * interval(next), 5 * interval(segment)) : 0;
    covered.push([segment.start, gap > 0 && gap <= limit ? next!.start : segment.end]);
  }
  return visible.sort((a, b) => a - b);
}

/** Steps until the end. */
async function steps(cursor: Cursor, by: 1 | -1): Promise<{ at: number; number: number }[]> {
  const seen = [];
  for (let found = await cursor.step(by); found; found = await cursor.step(by)) {
    seen.push({ at: found.at, number: numberOf((await cursor.read())!) });
  }
  return seen;
}
