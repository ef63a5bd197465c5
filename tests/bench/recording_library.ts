import { systemClock } from "../../lib/clock.ts";
import { createLog } from "../../lib/log.ts";
import {
  CLUSTER_HEADER,
  clusterHeader,
  cuesSize,
  encodeCues,
  encodeHead,
  HEAD_SIZE,
} from "../../lib/matroska/mod.ts";
import { indexLine } from "../../lib/recording/day_index.ts";
import { FileSystemDisk } from "../../lib/recording/file_system.ts";
import { repair } from "../../lib/recording/repair.ts";
import type { Segment } from "../../lib/recording/segment.ts";
import { SegmentLibrary } from "../../lib/recording/segment_library.ts";
import { DAY, segmentPath, segmentPlace } from "../../lib/recording/segment_name.ts";
import { makeJpeg } from "../lib/recording/segment_files.ts";

// Measures the library of recordings: `deno run -A --v8-flags=--expose-gc
// tests/bench/recording_library.ts`, as root with `--drop-caches` to measure with a cold page cache,
// too. Needs 1.2 GB of disk space for a minute.

const [CAMERAS, DAYS, MINUTES] = [4, 30, 1440];
const FRAMES = 1800;
const SIZE = { width: 1280, height: 720 };
const FRAME = 61_600;
const CLUSTER = CLUSTER_HEADER + FRAME;
/** Frames of each segment that are really written; the others are holes in the file. */
const WRITTEN = [3, 500, 901, 1799];
const SEEKS = 2000;
const today = Math.floor(Date.now() / DAY) * DAY;
const dropsCaches = Deno.args.includes("--drop-caches");
const log = createLog({ clock: systemClock, write: () => {} });
const disk = new FileSystemDisk();

const root = Deno.makeTempDirSync({ prefix: "dinocam-bench-" });
try {
  await measureMonth(`${root}/month`);
  await measureSeeks(`${root}/day`);
  await measureRepair(`${root}/torn`);
} finally {
  await Deno.remove(root, { recursive: true });
}

/** A month of four cameras with an index in each day; the segments themselves are empty files. */
async function measureMonth(folder: string): Promise<void> {
  const cameras = Array.from({ length: CAMERAS }, (_, i) => `camera-${i + 1}`);
  for (const camera of cameras) {
    for (let day = DAYS; day > 0; day--) writeDay(folder, { camera, day: today - day * DAY });
  }
  const before = memory();
  await using library = new SegmentLibrary({ root: folder, disk, clock: systemClock, log });
  await measure("month of 4 cameras: until recording may start", () => library.start());
  await measure("month of 4 cameras: until all sizes are known", () => library.loaded);
  const timelines = (library: SegmentLibrary) => async () => {
    for (const camera of cameras) await library.timeline(camera, -Infinity, Infinity);
  };
  await measure("month of 4 cameras: timelines", timelines(library));
  print("month of 4 cameras: memory", `${((memory() - before) / 1e6).toFixed(1)} MB`);
  await using unloaded = new SegmentLibrary({
    ...{ root: folder, disk, clock: systemClock, log, maxMemory: 0 },
  });
  await unloaded.start();
  await unloaded.loaded;
  await measure("month of 4 cameras: timelines, from the files of the days", timelines(unloaded));
  if (!dropsCaches) return;
  dropCaches();
  await measure("month of 4 cameras: the same, page cache dropped", timelines(unloaded));
}

/** A day of one camera: finds random moments and reads their frames. */
async function measureSeeks(folder: string): Promise<void> {
  const start = today - DAY;
  writeDay(folder, { camera: "front", day: start, write: writeSegment });
  await using library = new SegmentLibrary({ root: folder, disk, clock: systemClock, log });
  await library.start();
  await library.loaded;
  const seek = async () => {
    await using cursor = library.cursor("front");
    const frame = WRITTEN[Math.floor(Math.random() * WRITTEN.length)]!;
    const minute = Math.floor(Math.random() * MINUTES);
    const at = start + minute * 60_000 + timeOf(frame);
    const began = performance.now();
    const found = await cursor.seek(at + 10, "before");
    const jpeg = await cursor.read();
    const took = performance.now() - began;
    if (found?.at !== at || jpeg?.length !== FRAME) throw new Error(`Wrong frame at ${at}`);
    return took;
  };
  const run = async (name: string, count: number) => {
    const times: number[] = [];
    for (let i = 0; i < count; i++) times.push(await seek());
    times.sort((a, b) => a - b);
    const [p50, p99] = [times[count >> 1]!, times[Math.floor(count * 0.99)]!];
    print(
      name,
      `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${times.at(-1)!.toFixed(2)} ms`,
    );
  };
  await run("any moment of a day, frame read", SEEKS);
  if (!dropsCaches) return;
  dropCaches();
  await run("any moment of a day, page cache dropped", 300);
}

/** A segment whose recorder was killed. */
async function measureRepair(folder: string): Promise<void> {
  Deno.mkdirSync(folder);
  const path = `${folder}/05-43-33.123Z.mkv`;
  const file = Deno.openSync(path, { create: true, write: true });
  const date = today;
  file.writeSync(encodeHead({ date, size: SIZE, writtenBy: "dinocam 1" }));
  for (let frame = 0; frame < FRAMES; frame++) {
    file.writeSync(clusterHeader(timeOf(frame), FRAME));
    file.writeSync(makeJpeg({ bytes: FRAME, number: frame }));
  }
  file.syncSync();
  file.close();
  await measure("repair of a minute, 1800 frames, 111 MB", () => repair(disk, path));
  if (!dropsCaches) return;
  Deno.truncateSync(path, HEAD_SIZE + FRAMES * CLUSTER - 1);
  dropCaches();
  await measure("repair of a minute, page cache dropped", () => repair(disk, path));
}

interface WrittenDay {
  readonly camera: string;
  /** Start of the day. */
  readonly day: number;
  readonly write?: (path: string, start: number) => void;
}

function writeDay(folder: string, { camera, day, write = touch }: WrittenDay): void {
  let index = "";
  let path = "";
  for (let minute = 0; minute < MINUTES; minute++) {
    const start = day + minute * 60_000;
    const place = segmentPlace(camera, start);
    path = segmentPath(folder, place);
    if (minute === 0) Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    write(path, start);
    const segment: Segment = {
      ...place,
      number: Math.floor((start - today) / 60_000) + 100_000,
      ...{ start, end: start + timeOf(FRAMES - 1), frames: FRAMES },
      bytes: HEAD_SIZE + FRAMES * CLUSTER + cuesSize(FRAMES),
      activity: "0123456789".repeat(6),
    };
    index += indexLine(segment);
  }
  Deno.writeTextFileSync(`${path.slice(0, path.lastIndexOf("/"))}/index.tsv`, index);
}

function touch(path: string): void {
  Deno.createSync(path).close();
}

function writeSegment(path: string, date: number): void {
  const file = Deno.openSync(path, { create: true, write: true });
  const cuesAt = HEAD_SIZE + FRAMES * CLUSTER;
  const write = (at: number, bytes: Uint8Array<ArrayBuffer>) => {
    file.seekSync(at, Deno.SeekMode.Start);
    file.writeSync(bytes);
  };
  const fileSize = cuesAt + cuesSize(FRAMES);
  write(
    0,
    encodeHead({ date, size: SIZE, writtenBy: "dinocam 1", duration: 60_000, fileSize, cuesAt }),
  );
  for (const frame of WRITTEN) {
    const at = HEAD_SIZE + frame * CLUSTER;
    write(at, clusterHeader(timeOf(frame), FRAME));
    write(at + CLUSTER_HEADER, makeJpeg({ bytes: FRAME, number: frame }));
  }
  const frames = Array.from({ length: FRAMES }, (_, frame) => frame);
  const times = Uint32Array.from(frames, timeOf);
  const offsets = Float64Array.from(frames, (frame) => HEAD_SIZE + frame * CLUSTER);
  write(cuesAt, encodeCues({ times, offsets }));
  file.close();
}

/** Time of a frame since the segment's start, at 30 frames per second. */
function timeOf(frame: number): number {
  return Math.round(frame * 1000 / 30);
}

async function measure(name: string, run: () => Promise<unknown>): Promise<void> {
  const began = performance.now();
  await run();
  print(name, `${(performance.now() - began).toFixed(1)} ms`);
}

function print(name: string, value: string): void {
  console.log(`${name.padEnd(62)} ${value}`);
}

/** Memory in use, in bytes. */
function memory(): number {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

function dropCaches(): void {
  new Deno.Command("sync").outputSync();
  Deno.writeTextFileSync("/proc/sys/vm/drop_caches", "3");
}
