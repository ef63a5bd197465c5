import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createLog } from "../../../lib/log.ts";
import { CLUSTER_HEADER, cuesSize, encodeCues } from "../../../lib/matroska/mod.ts";
import { GrowingSegment } from "../../../lib/recording/open_segment.ts";
import { ActivityMeter } from "../../../lib/recording/activity.ts";
import type { OpenSegment, Segment } from "../../../lib/recording/segment.ts";
import { segmentPath, segmentPlace } from "../../../lib/recording/segment_name.ts";
import { cuesOf } from "../../../lib/recording/completion.ts";
import { cueSize, segmentOverhead } from "../../../lib/recording/segment_writer.ts";
import { StorageError } from "../../../lib/recording/storage.ts";
import { StorageLimits } from "../../../lib/recording/storage_limits.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { FakeLibrary } from "./fake_library.ts";
import { FaultyDisk, MemoryDisk } from "./faulty_disk.ts";

const MB = 1_000_000;
const MINUTE = 60_000;

async function setUp({ max = 100 * MB, free = 1e13, size = 1e13 } = {}) {
  const memory = new MemoryDisk("/r");
  memory.files.set("/r/.dinocam", Object.assign(await emptyFile()));
  const disk = new FaultyDisk(memory);
  const space = { free, size, freeFiles: Infinity };
  memory.space = () => Promise.resolve({ ...space });
  const library = new FakeLibrary();
  const clock = new ManualClock(Date.UTC(2026, 10, 27, 12));
  const lines: string[] = [];
  const log = createLog({ clock, write: (line) => lines.push(line.slice(25)) });
  const kept: Segment[] = [];
  const keeps = (camera: string, start: number, end: number) =>
    Promise.resolve(
      kept.some((segment) =>
        segment.camera === camera && segment.start <= end && segment.end >= start
      ),
    );
  let next = 0;
  /** Adds a closed segment of a minute, younger than the last one. */
  const addSegment = async (bytes: number, { camera = "front", end = 0 } = {}) => {
    const number = ++next;
    end ||= Date.UTC(2026, 10, 26, 12) + number * MINUTE;
    const place = segmentPlace(camera, end - MINUTE);
    const segment = { ...place, number, start: end - MINUTE, end, frames: 1, bytes, activity: "" };
    for (const folder of [`/r/${camera}`, `/r/${camera}/${place.day}`]) {
      await disk.makeFolder(folder);
    }
    await (await disk.create(segmentPath("/r", segment))).close();
    library.closed.push(segment);
    return segment;
  };
  const open = () => new StorageLimits({ root: "/r", disk, library, keeps, max, clock, log });
  const start = async () => {
    const storage = open();
    await storage.loaded;
    return storage;
  };
  return { memory, disk, space, library, clock, lines, kept, addSegment, open, start };
}

async function emptyFile() {
  const disk = new MemoryDisk("/");
  await (await disk.create("//f")).close();
  return disk.files.get("//f")!;
}

const names = (segments: readonly Segment[]) => segments.map(({ number }) => number);

Deno.test("StorageLimits grants requests at once while there is room, then deletes the oldest", async () => {
  const { library, addSegment, start, memory, lines } = await setUp();
  for (let n = 0; n < 9; n++) await addSegment(10 * MB);
  const storage = await start();
  assertEquals(storage.reserve(5 * MB), undefined); // 95 MB and a reserve of 2 × 1/64
  await settle();
  assertEquals(library.removed, []);
  const waiting = storage.reserve(5 * MB);
  assert(waiting instanceof Promise);
  await waiting;
  await settle();
  assertEquals(names(library.removed), [1]);
  assertEquals([...memory.files.keys()].filter((path) => path.endsWith(".mkv")).length, 8);
  assertEquals(lines, [
    'info maximum size reached: oldest recordings are deleted limit="100 MB"',
  ]);
});

Deno.test("StorageLimits deletes in advance, so that requests need not wait", async () => {
  const { library, addSegment, start } = await setUp();
  for (let n = 0; n < 960; n++) await addSegment(100_000);
  const storage = await start();
  for (let n = 0; n < 1000; n++) {
    assertEquals(storage.reserve(50_000), undefined, `request ${n}`);
    if (n % 20 === 0) await settle();
  }
  assert(library.removed.length > 450 && library.removed.length < 520, `${library.removed.length}`);
});

Deno.test("StorageLimits never exceeds the maximum by a byte, and deletes nothing beyond need", async () => {
  const max = 3 * MB;
  const { memory, disk, library, addSegment: _, clock, open } = await setUp({ max });
  const storage = open();
  await storage.loaded;
  let seed = 5;
  const random = (limit: number) => (seed = seed * 48_271 % 2_147_483_647) % limit;
  const index = () => library.closed.length * 150;
  let largest = 0;
  const check = (where: string) => {
    const total = memory.used + index();
    largest = Math.max(largest, total);
    assert(total <= max, `${where}: ${total}`);
    assert(library.totalBytes <= max, `${where}: ${library.totalBytes}`);
    // A 64th is for the indexes.
    assert(memory.used + outstanding <= max - max / 64, `${where}: ${memory.used + outstanding}`);
  };
  let requested = 0; // by all cameras, in progress
  let outstanding = 0; // cues of the open segments, and frames that are being written
  library.onRemove = (segment) => {
    check("remove");
    assert(![...library.open].some((open) => open.name === segment.name));
    // Without this deletion, less than the two reserves of 1/64 would be free.
    assert(library.totalBytes + outstanding + requested > max - max / 32 - 1, "deleted too early");
    const oldest = Math.min(...library.closed.map(({ end }) => end));
    assertEquals(segment.end, oldest);
  };
  const reserve = async (bytes: number) => {
    requested += bytes;
    const waiting = storage.reserve(bytes);
    if (waiting) await waiting;
    requested -= bytes;
    outstanding += bytes;
  };
  let number = 0;
  const record = async (camera: string) => {
    for (let count = 0; count < 250; count++) {
      const start = clock.now() + number * 1000 + random(500);
      const place = segmentPlace(camera, start);
      for (const folder of [`/r/${camera}`, `/r/${camera}/${place.day}`]) {
        await disk.makeFolder(folder);
      }
      await reserve(segmentOverhead());
      const overhead = segmentOverhead() - (cuesSize(1) - cueSize());
      const activity = new ActivityMeter();
      const segment = new GrowingSegment({
        ...{ place, number: ++number, start, bytes: overhead, activity },
      });
      const file = await disk.create(segmentPath("/r", segment));
      await file.append([new Uint8Array(overhead)]);
      outstanding -= overhead;
      library.add(segment);
      for (let frame = 0, frames = 1 + random(20); frame < frames; frame++) {
        const size = random(20) === 0 ? 60_000 : 100 + random(5000);
        await reserve(CLUSTER_HEADER + size + cueSize());
        if (random(10) === 0) { // a failed write
          storage.release(CLUSTER_HEADER + size + cueSize());
          outstanding -= CLUSTER_HEADER + size + cueSize();
          continue;
        }
        await file.append([new Uint8Array(CLUSTER_HEADER + size)]);
        segment.add({ at: start + frame * 33, size, clusterSize: CLUSTER_HEADER + size });
        outstanding -= CLUSTER_HEADER + size;
        check("append");
        if (random(4) === 0) await settle();
      }
      const closedBytes = segment.bytes + cuesSize(segment.frames);
      await file.append([encodeCues(cuesOf(segment.index))]);
      if (segment.frames === 0) storage.release(cuesSize(1) - cueSize()); // nothing is written
      outstanding -= cuesSize(1) - cueSize() + segment.frames * cueSize();
      await library.replace(segment, segment.toSegment(closedBytes));
      check("close");
      if (random(20) === 0) await storage.check();
    }
  };
  await Promise.all(["front", "back", "garden", "door"].map(record));
  assertEquals(number, 1000);
  assertEquals(library.removed.length + library.closed.length, 1000);
  assert(library.removed.length > 500);
  assert(largest > max - max / 32 - 10_000, `uses ${largest}`);
  assertEquals(outstanding, 0);
});

Deno.test("StorageLimits spares open segments and what marks keep, and says so", async () => {
  const { library, kept, addSegment, start } = await setUp();
  const segments: Segment[] = [];
  for (let n = 0; n < 40; n++) segments.push(await addSegment(2 * MB));
  kept.push(...segments.slice(0, 29)); // and the 30th, which starts at the end of the 29th
  const storage = await start();
  await storage.reserve(36 * MB);
  await settle();
  assertEquals(names(library.removed), [31, 32, 33, 34, 35, 36, 37, 38, 39, 40]);
  await assertRejects(
    async () => await storage.reserve(4 * MB),
    StorageError,
    "Recordings that marks keep fill RECORD_MAX (100 MB): raise RECORD_MAX",
  );
  assertEquals(library.closed.length, 30);
  kept.length = 0;
  await storage.reserve(4 * MB);
  await settle();
  assertEquals(names(library.removed).slice(10), [1, 2]);
});

Deno.test("StorageLimits refuses more than the maximum", async () => {
  const { start, library, addSegment } = await setUp();
  await addSegment(MB);
  const storage = await start();
  await assertRejects(
    async () => await storage.reserve(101 * MB),
    StorageError,
    "The segments that are being recorded fill RECORD_MAX (100 MB): raise RECORD_MAX",
  );
  assertEquals(library.removed, []);
  assertEquals(storage.reserve(50 * MB), undefined);
});

Deno.test("StorageLimits counts what is requested and not written yet, to the byte", async () => {
  const { start } = await setUp();
  const storage = await start();
  for (let n = 0; n < 99; n++) assertEquals(storage.reserve(MB), undefined); // 1 MB is for indexes
  await assertRejects(async () => await storage.reserve(1), StorageError);
  storage.release(1);
  assertEquals(storage.reserve(1), undefined);
  await assertRejects(async () => await storage.reserve(1), StorageError);
});

Deno.test("StorageLimits grants requests in order, and goes on when room is given back", async () => {
  const { start, addSegment, disk } = await setUp();
  await addSegment(60 * MB);
  const storage = await start();
  await storage.reserve(20 * MB);
  disk.hang("remove");
  const granted: number[] = [];
  const first = storage.reserve(19 * MB)!.then(() => granted.push(1));
  const second = storage.reserve(1)!.then(() => granted.push(2));
  await settle();
  assertEquals(granted, []);
  storage.release(10 * MB);
  await Promise.all([first, second]);
  assertEquals(granted, [1, 2]);
  disk.recover();
  await settle();
});

Deno.test("StorageLimits skips files that cannot be deleted, and logs it once", async () => {
  const { memory, disk, library, clock, addSegment, start, lines } = await setUp();
  for (let n = 0; n < 48; n++) await addSegment(2 * MB, { camera: n < 20 ? "locked" : "front" });
  disk.onRequest = ({ operation, path }) => {
    if (operation !== "remove" || !path.includes("locked")) return;
    throw Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
  };
  const storage = await start();
  await storage.reserve(2 * MB);
  await storage.reserve(2 * MB);
  await settle();
  assertEquals(names(library.removed), [21, 22]);
  assertEquals(lines.filter((line) => line.includes("not deleted")).length, 1);
  assert(lines[0]!.startsWith("warn recording not deleted path=/r/locked/2026-11-26/"), lines[0]);
  const attempts = disk.count("remove");
  await storage.reserve(2 * MB);
  await settle();
  assertEquals(disk.count("remove") - attempts, 1); // the others are not tried again at once
  disk.onRequest = () => {};
  await clock.advance(10 * MINUTE);
  await storage.reserve(2 * MB);
  await settle();
  assertEquals(library.removed.at(-1)!.camera, "locked");
  assertEquals(memory.files.size, 1 + library.closed.length);
});

Deno.test("StorageLimits says why old recordings cannot be deleted", async () => {
  const { disk, library, addSegment, start } = await setUp();
  for (let n = 0; n < 48; n++) await addSegment(2 * MB);
  disk.fail("EROFS", "remove");
  const storage = await start();
  await assertRejects(
    async () => await storage.reserve(9 * MB),
    StorageError,
    "Cannot delete old recordings: EROFS: injected",
  );
  assertEquals(library.closed.length, 48);
});

Deno.test("StorageLimits treats a file that is gone as deleted, but not a disk that is gone", async () => {
  const { memory, library, addSegment, start } = await setUp();
  const segments = [];
  for (let n = 0; n < 48; n++) segments.push(await addSegment(2 * MB));
  const storage = await start();
  memory.files.delete(segmentPath("/r", segments[0]!));
  await storage.reserve(2 * MB);
  await settle();
  assertEquals(names(library.removed), [1]);
  memory.removeAll("/r");
  await assertRejects(
    async () => await storage.reserve(9 * MB),
    StorageError,
    "Cannot delete old recordings: The folder of the recordings is not available",
  );
  assertEquals(names(library.removed), [1]);
});

Deno.test("StorageLimits uses at most what the disk holds, and says so", async () => {
  const { library, addSegment, start, lines, space } = await setUp({ max: 1e10, free: 440 * MB });
  await addSegment(16 * MB);
  space.size = 1e12;
  const storage = await start();
  assertEquals(lines, ["warn RECORD_MAX is 10 GB, but the disk has room for 200 MB"]);
  assertEquals(storage.capacity, 440 * MB + 16 * MB + 150 - 256 * MB);
  assertEquals(storage.maxSegment, 200 / 16 * MB + 9);
  assertEquals(storage.reserve(170 * MB), undefined);
  await storage.reserve(15 * MB);
  assertEquals(library.closed, []);
});

Deno.test("StorageLimits limits the size of a segment", async () => {
  const maxSegment = async (max: number) => (await (await setUp({ max })).start()).maxSegment;
  assertEquals(await maxSegment(1e10), 256 * MB);
  assertEquals(await maxSegment(2e9), 125 * MB);
  assertEquals(await maxSegment(10 * MB), MB);
  assertEquals(await maxSegment(1 * MB), MB / 4);
});

Deno.test("StorageLimits deletes old recordings at the floor, then refuses, and goes on by itself", async () => {
  const { library, addSegment, start, space, clock, lines } = await setUp({ max: 1e9 });
  const now = clock.now();
  for (let n = 0; n < 10; n++) await addSegment(40 * MB, { end: now - 20 * MINUTE + n });
  for (let n = 0; n < 10; n++) await addSegment(40 * MB, { end: now - 5 * MINUTE + n });
  const storage = await start();
  space.free = 250 * MB; // another program fills the disk
  await storage.check();
  assertEquals(names(library.removed), [1]);
  await storage.check(); // the file system does not show the space yet
  assertEquals(names(library.removed), [1]);
  space.free = 290 * MB;
  await storage.check();
  space.free = 12 * MB;
  await storage.check();
  assertEquals(names(library.removed), [1, 2, 3, 4, 5, 6, 7, 8]); // 244 MB were missing
  space.free = 0;
  await clock.advance(MINUTE + 1); // somebody still reads the files: their space is not free
  await storage.check();
  assertEquals(names(library.removed), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const error = assertThrows(() => void storage.reserve(1), StorageError);
  assertEquals(
    (error as Error).message,
    "The disk is full: 80 MB free, at least 256 MB stay free; delete files",
  );
  space.free = 300 * MB;
  await clock.advance(1000);
  assertThrows(() => void storage.reserve(1), StorageError); // but it checks again
  await settle();
  assertEquals(storage.reserve(1), undefined);
  assertEquals(lines.length, 2);
});

Deno.test("StorageLimits deletes recent recordings at the floor, too, if there is much of them", async () => {
  const { library, addSegment, start, space, clock } = await setUp({
    max: 1e10,
    free: 20 * MB,
    size: 200 * MB,
  });
  for (let n = 0; n < 18; n++) await addSegment(10 * MB, { end: clock.now() - 1000 + n });
  const storage = await start();
  assertEquals(storage.capacity, 180 * MB + 18 * 150); // a RAM disk for two minutes
  space.free = 19 * MB; // files need a bit more space than their sizes
  await storage.check();
  assertEquals(names(library.removed), [1]);
  space.free = 0;
  for (let n = 0; n < 7; n++) { // the space of what is deleted is never free
    await clock.advance(MINUTE + 1);
    await storage.check();
  }
  assertEquals(library.closed.length, 9); // not less than half
  assertThrows(() => void storage.reserve(1), StorageError);
});

Deno.test("StorageLimits keeps two minutes of a high rate free", async () => {
  const { start, space, clock, library, addSegment } = await setUp({ max: 1e12 });
  await addSegment(10 * MB);
  const storage = await start();
  for (let n = 0; n < 60; n++) {
    await storage.reserve(60 * MB); // 6 MB a second
    await clock.advance(10_000);
    await storage.check();
  }
  space.free = 800 * MB;
  await storage.check();
  assertEquals(library.removed, []);
  space.free = 690 * MB; // 720 MB are two minutes
  await storage.check();
  assertEquals(names(library.removed), [1]);
});

Deno.test("StorageLimits raises the limit when the disk has more room", async () => {
  const { start, space } = await setUp({ free: 20 * MB, size: 100 * MB });
  const storage = await start();
  assertEquals(storage.capacity, 10 * MB);
  space.free = 60 * MB;
  await storage.check();
  assertEquals(storage.capacity, 50 * MB);
  assertEquals(storage.reserve(45 * MB), undefined);
});

Deno.test("StorageLimits deletes a segment when the disk refuses to write", async () => {
  const { library, addSegment, start } = await setUp();
  for (let n = 0; n < 3; n++) await addSegment(MB);
  const storage = await start();
  storage.noSpace(); // such as a quota, which the free space does not tell
  await settle();
  assertEquals(names(library.removed), [1]);
  await storage.check();
  assertEquals(names(library.removed), [1]);
});

Deno.test("StorageLimits frees files on a disk that can hold no more of them", async () => {
  const { library, addSegment, start, space } = await setUp();
  for (let n = 0; n < 70; n++) await addSegment(1000);
  const storage = await start();
  space.freeFiles = 60;
  await storage.check();
  assertEquals(names(library.removed), [1, 2, 3, 4]);
  space.freeFiles = -10;
  await storage.check();
  assertEquals(library.closed.length, 0);
  assertThrows(() => void storage.reserve(1), StorageError, "it cannot hold more files");
});

Deno.test("StorageLimits waits until the sizes are known, for two seconds", async () => {
  const { library, addSegment, open, clock } = await setUp();
  for (let n = 0; n < 9; n++) await addSegment(11 * MB);
  const loaded = Promise.withResolvers<void>();
  library.loaded = loaded.promise;
  const storage = open();
  let granted = 0;
  const first = storage.reserve(MB)!.then(() => granted++);
  await clock.advance(1999);
  assertEquals(granted, 0);
  await clock.advance(1);
  await first;
  assertEquals(storage.reserve(1000), undefined); // later requests do not wait
  loaded.resolve();
  await storage.loaded;
  await storage.reserve(MB);
  await settle();
  assertEquals(names(library.removed), [1]);
});

Deno.test("StorageLimits corrects what it counts by the sizes of the files", async () => {
  const { library, addSegment, start } = await setUp();
  for (let n = 0; n < 5; n++) await addSegment(10 * MB);
  const storage = await start();
  await storage.reserve(30 * MB); // never written, never given back
  for (let n = 0; n < 30; n++) await storage.check();
  assertEquals(storage.reserve(30 * MB), undefined);
  library.otherBytes = 40 * MB; // written without a request
  await storage.check();
  await storage.reserve(8 * MB);
  await settle();
  assertEquals(names(library.removed), [1]);
});

for (const [frames, clusters] of [[1_000_000, 0], [400_000, 600_000]] as const) {
  Deno.test(`StorageLimits keeps open segments' indexes in mind when it corrects itself, with ${clusters} clusters of sound`, async () => {
    const { library, start, clock } = await setUp();
    const storage = await start();
    const places = { time: () => 0, offset: () => 0, endOffset: () => 0 };
    const segment: OpenSegment = {
      ...segmentPlace("front", clock.now()),
      ...{ number: 1, start: clock.now(), end: clock.now(), activity: "" },
      frames,
      bytes: 50 * MB,
      index: { length: frames, ...places, sound: { rate: 8_000, length: clusters, ...places } },
    };
    await storage.reserve(50 * MB + cuesSize(1_000_000));
    library.add(segment);
    for (let n = 0; n < 40; n++) await storage.check();
    await assertRejects(async () => await storage.reserve(27 * MB), StorageError); // 22 MB for cues
    assertEquals(storage.reserve(24 * MB), undefined);
  });
}

Deno.test("StorageLimits makes room for a thinned copy, and does not delete what it replaces", async () => {
  const { library, addSegment, start } = await setUp();
  const old = await addSegment(40 * MB);
  const other = await addSegment(40 * MB);
  const storage = await start();
  {
    using replacement = await storage.replace(old, 20 * MB);
    await settle();
    assertEquals(names(library.removed), [2]); // not the oldest one
    const thinned = { ...old, bytes: 20 * MB };
    await library.replace(old, thinned);
    replacement.commit();
  }
  assertEquals(storage.reserve(75 * MB), undefined);
  {
    storage.release(75 * MB);
    using _replacement = await storage.replace(old, 10 * MB);
  } // not committed: the room is free again
  assertEquals(storage.reserve(75 * MB), undefined);
  assertEquals(other.number, 2);
});
