import { assert, assertEquals, assertRejects } from "@std/assert";
import { readHead } from "../../../lib/matroska/mod.ts";
import type { Segment } from "../../../lib/recording/segment.ts";
import { segmentPath } from "../../../lib/recording/segment_name.ts";
import { readSegment } from "../../../lib/recording/segment_reader.ts";
import { StorageError } from "../../../lib/recording/storage.ts";
import { thin } from "../../../lib/recording/thin.ts";
import { ManualClock } from "../../manual_clock.ts";
import { FakeLibrary } from "./fake_library.ts";
import { DiskError, FaultyDisk, MemoryDisk } from "./faulty_disk.ts";
import { fakeJpeg, readFrames, type StoredFrame, writeSegment } from "./segment_file.ts";

const START = Date.UTC(2026, 10, 27, 12, 0, 0, 250);

/** Frames at about 30 fps for 20 s, with a gap of 4.5 s after five seconds. */
function someFrames(size = 200): StoredFrame[] {
  const frames: StoredFrame[] = [];
  for (let at = START, number = 0; at < START + 20_000; number++) {
    frames.push({ at, jpeg: fakeJpeg(number, size) });
    at += number === 150 ? 4500 : 31 + number % 5;
  }
  return frames;
}

async function setUp(frames = someFrames()) {
  const memory = new MemoryDisk("/r");
  const disk = new FaultyDisk(memory);
  const segment = await writeSegment(disk, { number: 4711, frames });
  const library = new FakeLibrary();
  library.closed.push(segment);
  const clock = new ManualClock();
  const calls: string[] = [];
  const storage = {
    replace: (old: Segment, bytes: number) => {
      calls.push(`replace ${old.name} by ${bytes}`);
      return Promise.resolve({
        commit: () => calls.push("commit"),
        [Symbol.dispose]: () => calls.push("dispose"),
      });
    },
  };
  const stopping = new AbortController();
  const run = async (fps: number, old = segment) => {
    const thinning = thin(old, {
      ...{ fps, root: "/r", disk, library, storage, clock, signal: stopping.signal },
    });
    let isDone = false;
    thinning.then(() => isDone = true, () => isDone = true);
    while (!isDone) await clock.advance(1000);
    return await thinning;
  };
  const path = segmentPath("/r", segment);
  disk.requests.length = 0;
  return { memory, disk, segment, library, clock, storage, calls, stopping, run, path, frames };
}

/** The first frame of each second. */
function expected(frames: readonly StoredFrame[], fps: number): StoredFrame[] {
  const seen = new Set<number>();
  return frames.filter(({ at }) => {
    const interval = Math.floor(at * fps / 1000);
    return !seen.has(interval) && seen.add(interval);
  });
}

Deno.test("thin() keeps the first frame of each interval, with its time and its bytes", async () => {
  for (const fps of [1, 0.1, 5, 12.5]) {
    const { run, disk, memory, segment, library, path, frames, calls } = await setUp();
    const { duration } = readHead(memory.content(path))!;
    const thinned = await run(fps);
    const kept = await readFrames(disk, thinned);
    assertEquals(kept, expected(frames, fps));
    assertEquals(kept[0], frames[0]);
    const content = memory.content(path);
    assertEquals(thinned, {
      ...segment,
      end: kept.at(-1)!.at,
      frames: kept.length,
      bytes: content.length,
      activity: segment.activity.slice(0, Math.floor((kept.at(-1)!.at - START) / 1000) + 1),
      thinnedTo: fps,
    });
    const head = readHead(content)!;
    assertEquals(head.writtenBy, `dinocam 4711 @${fps}`);
    assertEquals([head.date, head.size, head.fileSize], [
      START,
      { width: 64, height: 48 },
      content.length,
    ]);
    assertEquals(head.duration, duration); // it stands for the same period
    assertEquals(library.closed, [thinned]);
    assertEquals(calls, [`replace ${segment.name} by ${content.length}`, "commit", "dispose"]);
    assertEquals([...memory.files.keys()], [path]);
    assertEquals(disk.openFiles, 0);
  }
});

Deno.test("thin() continues the intervals of the segment before", async () => {
  const frames = someFrames();
  const { run, disk, segment } = await setUp(frames.slice(0, 100));
  const next = await writeSegment(disk, { number: 4712, frames: frames.slice(100) });
  const kept = [
    ...await readFrames(disk, await run(1, segment)),
    ...await readFrames(disk, await run(1, next)),
  ];
  assert(kept.length - expected(frames, 1).length <= 1); // the first frame of a file always stays
});

Deno.test("thin() thins a thinned segment again", async () => {
  const { run, disk, frames } = await setUp();
  const once = await run(5);
  const twice = await run(1, once);
  assertEquals(await readFrames(disk, twice), expected(expected(frames, 5), 1));
  assertEquals(twice.thinnedTo, 1);
});

Deno.test("thin() reads only the frames that it keeps, and at a limited rate", async () => {
  const { run, clock, disk, segment } = await setUp(someFrames(300_000));
  const before = clock.monotonic();
  const thinned = await run(1);
  const reads = disk.requests.filter(({ operation }) => operation === "readAt").length;
  assertEquals(reads, thinned.frames + 2); // head and cues
  assert(thinned.bytes < segment.bytes / 20);
  assert(clock.monotonic() - before >= thinned.bytes / 20_000 - 1000);
});

Deno.test("thin() leaves the old segment or the new one, wherever it crashes", async () => {
  const complete = await setUp();
  const oldBytes = complete.memory.content(complete.path);
  await complete.run(1);
  const newBytes = complete.memory.content(complete.path);
  const operations = complete.disk.requests.length;
  assert(operations > 20);
  let [old, thinned] = [0, 0];
  for (let crash = 1; crash <= operations; crash++) {
    const { disk, memory, run, path } = await setUp();
    let count = 0;
    disk.onRequest = () => {
      if (++count >= crash) throw new DiskError("EIO"); // from now on, nothing is done
    };
    await run(1).catch(() => {});
    const left = memory.content(path);
    if (left.length === oldBytes.length) assertEquals(left, oldBytes, `crash ${crash}`);
    else assertEquals(left, newBytes, `crash ${crash}`);
    if (left.length === oldBytes.length) old++;
    else thinned++;
    assertEquals(disk.openFiles, 0);
    const others = [...memory.files.keys()].filter((file) => file !== path);
    assert(others.every((file) => file === `${path}.tmp`));
  }
  assert(old > 10 && thinned > 0, `${old} old, ${thinned} thinned`);
});

Deno.test("thin() removes its copy after a failure, and gives back the room", async () => {
  for (const operation of ["append", "sync", "rename", "stat"] as const) {
    const { disk, memory, run, path, calls, frames, segment } = await setUp();
    disk.fail("ENOSPC", operation);
    await assertRejects(() => run(1), DiskError, "ENOSPC");
    assertEquals([...memory.files.keys()], [path]);
    assertEquals(calls.slice(1), ["dispose"]);
    disk.recover();
    assertEquals(await readFrames(disk, segment), frames);
    assertEquals(disk.openFiles, 0);
  }
});

Deno.test("thin() replaces a copy that a crash has left", async () => {
  const { run, disk, memory, path, frames } = await setUp();
  await (await disk.create(`${path}.tmp`)).append([new Uint8Array(100)]);
  const thinned = await run(1);
  assertEquals(await readFrames(disk, thinned), expected(frames, 1));
  assertEquals([...memory.files.keys()], [path]);
});

Deno.test("thin() stops when its signal aborts", async () => {
  const { run, stopping, memory, path, disk, segment, frames } = await setUp(someFrames(300_000));
  const running = run(1);
  const failed = assertRejects(() => running);
  stopping.abort(new Error("stopped"));
  await failed;
  assertEquals([...memory.files.keys()], [path]);
  assertEquals((await readFrames(disk, segment)).length, frames.length);
});

Deno.test("thin() leaves a damaged or changed segment as it is", async () => {
  const { run, disk, memory, path, segment } = await setUp();
  const file = await disk.open(path, "read");
  const { index } = await readSegment(file);
  await file.close();
  memory.files.get(path)!.bytes[index.offset(0) + 12]!++; // its time
  const damaged = memory.content(path);
  await assertRejects(() => run(5), Error, "is damaged");
  assertEquals(memory.content(path), damaged);
  await assertRejects(() => run(5, { ...segment, name: "00-00-00.000Z.mkv" }), DiskError, "ENOENT");
  const intact = await setUp();
  await assertRejects(
    () => intact.run(1, { ...intact.segment, bytes: intact.segment.bytes + 1 }),
    Error,
    "the segment has changed",
  );
});

Deno.test("thin() changes nothing without room", async () => {
  const { run, storage, memory, path } = await setUp();
  storage.replace = () => Promise.reject(new StorageError("The disk is full"));
  const before = memory.content(path);
  await assertRejects(() => run(1), StorageError);
  assertEquals(memory.content(path), before);
  assertEquals(memory.files.size, 1);
});
