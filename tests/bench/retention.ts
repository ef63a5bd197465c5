/**
 * Measures thinning and retention on the disk of this machine: `deno run -A tests/bench/retention.ts
 * [folder]`. Prints the duration, the CPU time, and how late a timer of 4 ms was meanwhile.
 */
import process from "node:process";
import { systemClock } from "../../lib/clock.ts";
import { createLog } from "../../lib/log.ts";
import { ActivityMeter } from "../../lib/recording/activity.ts";
import { FileSystemDisk } from "../../lib/recording/file_system.ts";
import { MarkFiles } from "../../lib/recording/marks.ts";
import { Retention } from "../../lib/recording/retention.ts";
import { SegmentLibrary } from "../../lib/recording/segment_library.ts";
import { segmentPlace } from "../../lib/recording/segment_name.ts";
import { SegmentWriter } from "../../lib/recording/segment_writer.ts";
import { StorageLimits } from "../../lib/recording/storage_limits.ts";
import { thin } from "../../lib/recording/thin.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const root = await Deno.makeTempDir({ dir: Deno.args[0] });
const disk = new FileSystemDisk();
const clock = systemClock;
const log = createLog({ clock, write: (line) => console.log(`  ${line}`) });
const shared = { root, disk, clock, log };
const library = new SegmentLibrary(shared);
const storage: StorageLimits = new StorageLimits({
  ...{ ...shared, library, max: 1e12 },
  keeps: (camera, start, end) => marks.keeps(camera, start, end),
});
const marks: MarkFiles = new MarkFiles({
  ...shared,
  storage,
  account: library.account.bind(library),
});

/** Writes a segment; its frames are 1/30 s apart. */
async function write(camera: string, { start, number, frames, size }: {
  start: number;
  number: number;
  frames: number;
  size: number;
}) {
  const { day } = segmentPlace(camera, start);
  for (const folder of [`${root}/${camera}`, `${root}/${camera}/${day}`]) {
    await disk.makeFolder(folder);
  }
  const writer = await SegmentWriter.create({
    ...{ disk, root, camera, number, start, size: { width: 1280, height: 720 } },
    activity: new ActivityMeter(),
  });
  const jpeg = new Uint8Array(size);
  jpeg.set([0xff, 0xd8]);
  jpeg.set([0xff, 0xd9], size - 2);
  await writer.append(
    Array.from({ length: frames }, (_, i) => ({ jpeg, at: start + Math.round(i * 33.34) })),
  );
  return (await writer.close())!;
}

/** Runs something, and prints what it took. */
async function measure(name: string, run: () => Promise<unknown>): Promise<void> {
  const late: number[] = [];
  let expected = performance.now() + 4;
  const timer = setInterval(() => {
    late.push(Math.max(0, performance.now() - expected));
    expected = performance.now() + 4;
  }, 4);
  const cpu = process.cpuUsage();
  const before = performance.now();
  await run();
  const took = performance.now() - before;
  const used = process.cpuUsage();
  clearInterval(timer);
  late.sort((a, b) => a - b);
  const cpuTime = (used.user + used.system - cpu.user - cpu.system) / 1000;
  const p99 = late[Math.floor(late.length * 0.99)] ?? 0;
  console.log(
    `${name}: ${took.toFixed(0)} ms, CPU ${cpuTime.toFixed(0)} ms, ` +
      `timer late p99 ${p99.toFixed(1)} ms, max ${(late.at(-1) ?? 0).toFixed(1)} ms`,
  );
}

try {
  await disk.create(`${root}/.dinocam`).then((file) => file.close());
  const now = Date.now();
  const minute = await write("minute", {
    ...{ start: now - DAY, number: 1, frames: 1800, size: 61_600 },
  });
  await Promise.all(["front", "back", "door", "yard"].map(async (camera) => {
    for (let number = 1; number <= 500; number++) {
      const start = now - 40 * DAY + number * MINUTE;
      await write(camera, { start, number, frames: 3, size: 99 });
    }
  }));
  await measure("library of 2001 segments, read from files", async () => {
    await library.start();
    await library.loaded;
  });
  await storage.loaded;
  const signal = new AbortController().signal;
  await measure(
    "thin 1 min of 720p30 (111 MB) to 1 fps",
    () => thin(minute, { ...shared, fps: 1, library, storage, signal }),
  );
  await measure(
    "1000 marks at once",
    () =>
      Promise.all(
        Array.from({ length: 1000 }, (_, n) =>
          marks.add("front", { at: now + n, label: "layer", before: 0, after: 0, keep: false })),
      ),
  );
  await measure("100 marks one after another", async () => {
    for (let n = 0; n < 100; n++) {
      await marks.add("front", { at: now + n, label: "layer", before: 0, after: 0, keep: false });
    }
  });
  await measure("100 checks of the free space", async () => {
    for (let n = 0; n < 100; n++) await storage.check();
  });
  {
    await using retention = new Retention({
      ...{ ...shared, library, storage, marks, records: () => false },
      retention: { maxAge: 30 * DAY, tiers: [] },
    });
    await measure("delete 2000 old segments", async () => {
      retention.start();
      while (library.extent("yard").oldest !== undefined) await clock.sleep(5);
    });
    await clock.sleep(100);
  }
  await library[Symbol.asyncDispose]();
  console.log(`left: ${[...Deno.readDirSync(root)].map(({ name }) => name).sort().join(" ")}`);
} finally {
  await Deno.remove(root, { recursive: true });
}
