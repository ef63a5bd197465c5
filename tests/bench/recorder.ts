import { writev as writeVector } from "node:fs";
import { open } from "node:fs/promises";
import { Buffer } from "node:buffer";
import { systemClock } from "../../lib/clock.ts";
import type { Frame, Jpeg } from "../../lib/frame.ts";
import type { Subscriber } from "../../lib/hub/subscriber.ts";
import { clusterHeader } from "../../lib/matroska/mod.ts";
import { FileSystemDisk } from "../../lib/recording/file_system.ts";
import { openFolder } from "../../lib/recording/folder_lock.ts";
import { Recorder } from "../../lib/recording/recorder.ts";
import { SegmentLibrary } from "../../lib/recording/segment_library.ts";
import { StorageLimits } from "../../lib/recording/storage_limits.ts";
import { cameraFrame } from "./camera_frames.ts";

// Measures what recording costs: CPU time per frame, and how late timers are meanwhile.
//
//     deno run -A tests/bench/recorder.ts [seconds] [folder]

const SECONDS = Number(Deno.args[0] ?? 20);
const FPS = 30;
const frames = Array.from({ length: 32 }, (_, i) => cameraFrame(100_000, i + 1));

const silent = { info: () => {}, warn: console.error, error: console.error };

type Sink = (frame: Frame) => void;

console.log("cameras | way | CPU ms a frame, above the loop | timers late, ms: p99, max | frames");
for (const cameras of [1, 4]) {
  const loop = await measure(
    cameras,
    () => Promise.resolve({ sink: () => {}, end: async () => {} }),
  );
  print(cameras, "nothing", loop, 0);
  print(cameras, "a plain loop of fs.writev", await measure(cameras, plain), loop.cpu);
  print(cameras, "the recorder", await measure(cameras, record), loop.cpu);
}

interface Result {
  /** Milliseconds per frame. */
  readonly cpu: number;
  readonly late: readonly number[];
  readonly frames: string;
}

interface Way {
  readonly sink: Sink;
  /** @returns What to print. */
  readonly end: () => Promise<string | void>;
}

async function measure(cameras: number, start: (root: string, camera: number) => Promise<Way>) {
  const root = await Deno.makeTempDir({ dir: Deno.args[1] });
  try {
    const lock = openFolder(root, { log: silent });
    const ways: Way[] = [];
    for (let i = 0; i < cameras; i++) ways.push(await start(root, i));
    const late: number[] = [];
    const timer = watchTimers(late);
    const before = cpuTime();
    const from = performance.now();
    let sequence = 0;
    while (performance.now() - from < SECONDS * 1000) {
      sequence++;
      for (const [i, { sink }] of ways.entries()) {
        const jpeg: Jpeg = frames[(sequence + i) % frames.length]!;
        sink({ jpeg, capturedAt: Date.now(), monotonic: performance.now(), sequence });
      }
      await systemClock.sleep(from + sequence * 1000 / FPS - performance.now());
    }
    const cpu = (cpuTime() - before) / (sequence * cameras);
    clearInterval(timer);
    const ends = await Promise.all(ways.map(({ end }) => end()));
    lock[Symbol.dispose]();
    return { cpu, late: late.sort((a, b) => a - b), frames: ends[0] ?? "" };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function record(root: string, index: number): Promise<Way> {
  const disk = new FileSystemDisk();
  const library = new SegmentLibrary({ root, disk, clock: systemClock, log: silent });
  await library.start();
  const storage = new StorageLimits({
    ...{ root, disk, library, clock: systemClock, log: silent, max: 4e9 },
    keeps: () => Promise.resolve(false),
  });
  await storage.loaded;
  let subscriber: Subscriber<Frame> | undefined;
  const camera = {
    name: `camera${index}`,
    join: (joined: Subscriber<Frame>) => void (subscriber = joined),
    leave: () => {},
    retryNow: () => {},
  };
  const recorder = new Recorder({
    ...{ camera, root, disk, library, storage, clock: systemClock, log: silent },
    syncOffset: index * 250,
  });
  recorder.start();
  return {
    sink: (frame) => subscriber!.offer(frame),
    end: async () => {
      await recorder[Symbol.asyncDispose]();
      await library[Symbol.asyncDispose]();
      const { frames, dropped } = recorder.status();
      return `${frames} written, ${dropped} dropped`;
    },
  };
}

async function plain(root: string, index: number): Promise<Way> {
  const file = await open(`${root}/${index}`, "w");
  let chain = Promise.resolve();
  let syncedAt = performance.now() + index * 250;
  return {
    sink: ({ jpeg, sequence }) => {
      chain = chain.then(async () => {
        const buffers = [clusterHeader(sequence * 33, jpeg.length), jpeg]
          .map(({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length));
        await new Promise<void>((resolve, reject) =>
          writeVector(file.fd, buffers, (error) => error ? reject(error) : resolve())
        );
        if (performance.now() - syncedAt < 1000) return;
        syncedAt = performance.now();
        await file.datasync();
      });
    },
    end: async () => {
      await chain;
      await file.close();
    },
  };
}

function watchTimers(late: number[]): ReturnType<typeof setInterval> {
  let expected = performance.now() + 4;
  return setInterval(() => {
    const now = performance.now();
    late.push(Math.max(0, now - expected));
    expected = now + 4;
  }, 4);
}

/** CPU time of this process, in milliseconds. */
function cpuTime(): number {
  const [stat] = Deno.readTextFileSync("/proc/self/stat").split(") ").slice(-1);
  const [user, system] = stat!.split(" ").slice(11, 13).map(Number);
  return (user! + system!) * 10;
}

function print(cameras: number, way: string, { cpu, late, frames }: Result, loop: number): void {
  const percentile = (p: number) => late[Math.floor((late.length - 1) * p)]!.toFixed(1);
  console.log(
    [cameras, way, (cpu - loop).toFixed(3), `${percentile(0.99)}, ${percentile(1)}`, frames]
      .join(" | "),
  );
}
