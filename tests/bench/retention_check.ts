import process from "node:process";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { createLog } from "../../lib/log.ts";
import { indexLine } from "../../lib/recording/day_index.ts";
import { FileSystemDisk } from "../../lib/recording/file_system.ts";
import { MarkFiles } from "../../lib/recording/marks.ts";
import { Retention } from "../../lib/recording/retention.ts";
import { SegmentLibrary } from "../../lib/recording/segment_library.ts";
import { DAY, segmentPath, segmentPlace } from "../../lib/recording/segment_name.ts";
import { StorageLimits } from "../../lib/recording/storage_limits.ts";

// Measures what the recordings of a month of four cameras cost when the server starts, and every
// 10 s: `deno run -A tests/bench/retention_check.ts [parent of a new folder]`. The segments have
// been thinned, and are empty files.

const [CAMERAS, DAYS, MINUTES, MINUTE] = [4, 30, 1440, 60_000];
const CHECKS = 200;
const root = Deno.makeTempDirSync({ dir: Deno.args[0], prefix: "dinocam-bench-" });
const disk = new FileSystemDisk();
const clock = systemClock;
const log = createLog({ clock, write: (line) => console.log(`  ${line}`) });
const shared = { root, disk, clock, log };

/** Writes the recordings of a camera up to the present. */
function writeMonth(camera: string): void {
  const now = Math.floor(Date.now() / MINUTE) * MINUTE;
  let [folder, index] = ["", ""];
  const write = () => folder && Deno.writeTextFileSync(`${folder}/index.tsv`, index);
  for (let number = 1; number <= DAYS * MINUTES; number++) {
    const start = now - (DAYS * MINUTES - number + 1) * MINUTE;
    const place = segmentPlace(camera, start);
    const path = segmentPath(root, place);
    if (folder !== `${root}/${camera}/${place.day}`) {
      write();
      [folder, index] = [`${root}/${camera}/${place.day}`, ""];
      Deno.mkdirSync(folder, { recursive: true });
    }
    Deno.createSync(path).close();
    const numbers = { number, start, end: start + MINUTE - 1000, frames: 60, bytes: 3_700_000 };
    index += indexLine({ ...place, ...numbers, thinnedTo: 1, activity: "0123456789".repeat(6) });
  }
  write();
}

/** Runs something some times, and prints what each time takes. */
async function measure(name: string, run: () => Promise<unknown>, count = 1): Promise<void> {
  let [late, expected] = [0, performance.now() + 2];
  const timer = setInterval(() => {
    late = Math.max(late, performance.now() - expected);
    expected = performance.now() + 2;
  }, 2);
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  for (let i = 0; i < count; i++) await run();
  const took = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  clearInterval(timer);
  const each = (ms: number) => `${(ms / count).toFixed(2)} ms`;
  console.log(
    `${name.padEnd(48)} ${each(took)}, CPU ${each((user + system) / 1000)}, ` +
      `event loop late by ${late.toFixed(1)} ms at most`,
  );
}

/** A clock whose sleepers, the checks and the thinning, wake when the benchmark says so. */
class Turns implements Clock {
  #sleepers: (() => void)[] = [];
  #ended = Promise.withResolvers<void>();

  readonly now = clock.now;
  readonly monotonic = clock.monotonic;

  sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      signal?.addEventListener("abort", () => resolve(), { once: true });
      if (this.#sleepers.push(resolve) === 2) this.#ended.resolve();
    });
  }

  /** Resolves when both sleep. */
  ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Wakes both, and waits until they sleep again. */
  async next(): Promise<void> {
    const sleepers = this.#sleepers;
    this.#sleepers = [];
    this.#ended = Promise.withResolvers();
    for (const wake of sleepers) wake();
    await this.ended();
  }
}

try {
  Deno.createSync(`${root}/.dinocam`).close();
  const cameras = Array.from({ length: CAMERAS }, (_, i) => `camera-${i + 1}`);
  for (const camera of cameras) writeMonth(camera);
  await using library = new SegmentLibrary(shared);
  const storage: StorageLimits = new StorageLimits({
    ...{ ...shared, library, max: 1e15 },
    keeps: (camera, start, end) => marks.keeps(camera, start, end),
  });
  const account = library.account.bind(library);
  const marks: MarkFiles = new MarkFiles({ ...shared, storage, account });
  await measure("start: until recording may begin", () => library.start());
  await measure("start: until all sizes are known", () => storage.loaded);
  await measure("check of the free space", () => storage.check(), CHECKS);
  await measure("search for segments that are too old", async () => {
    await storage.deleteOldest(() => "stop");
  }, CHECKS);
  await measure("search for deleted files, every minute", () => library.refresh(), CHECKS);
  const tiers = [{ after: 10 * MINUTE, fps: 1 }];
  const turns = new Turns();
  await using retention = new Retention({
    ...{ ...shared, library, storage, marks, clock: turns },
    records: (camera) => cameras.includes(camera),
    retention: { maxAge: 31 * DAY, tiers },
  });
  await measure("first check", () => {
    retention.start();
    return turns.ended();
  });
  await measure("every 10 s", () => turns.next(), CHECKS);
} finally {
  Deno.removeSync(root, { recursive: true });
}
