import { systemClock } from "../../lib/clock.ts";
import { evict, MINUTE, SOME_DAY, timeOf, writeDay, writeIndexOnly } from "../recording/archive.ts";
import { readFrames } from "../recording/mjpeg_file.ts";
import { segmentFiles } from "../recording/recording_server.ts";
import { Random } from "../random.ts";
import { cameraEnv, type Contestant, dinocamWithoutTask } from "./contestants.ts";
import { usageOf } from "./proc.ts";
import { type Cores, freePort, listening, measure, spawn, stop } from "./run.ts";
import { type Line, median, writeTable } from "./table.ts";
import type { Tools } from "./tools.ts";

/** Options of {@link benchRecording}. */
export interface RecordingBenchOptions {
  readonly tools: Tools;
  readonly cores: Cores;
  /** Duration of each measurement, in seconds. */
  readonly seconds: number;
  readonly rounds: number;
  /** Smaller archives. */
  readonly quick: boolean;
}

const PICTURE = { height: 720, fps: 30 } as const;
const DAY = 86_400_000;
/** Time before a measurement, in seconds: JIT compilation costs CPU time in the first ones. */
const WARMUP = 15;
/** Cameras of the archive. */
const CAMERAS = ["front", "back", "left", "right"];

/**
 * Measures recording and playback: CPU time beside ffmpeg, which writes the same frames, what
 * recording costs the viewers, and how quickly the recordings are found and read.
 *
 * @returns Tables, as Markdown.
 */
export async function benchRecording(options: RecordingBenchOptions): Promise<string> {
  return [
    await benchWriting(options),
    await benchViewers(options),
    await benchArchive(options),
  ].join("\n\n");
}

/** A program that records the camera in a folder. */
interface Recorder {
  readonly name: string;
  /** Returns the shell command. */
  command(folder: string, port: number): string;
}

async function recorders(): Promise<Recorder[]> {
  const server = await dinocamWithoutTask();
  const camera = `rpicam-vid --height ${PICTURE.height} --framerate ${PICTURE.fps} -t 0 -o -`;
  // The pipe has a name, so that the process is ffmpeg, and the camera its child.
  const ffmpeg = (folder: string, output: string) =>
    `mkfifo ${folder}/pipe; ${camera} >${folder}/pipe & ` +
    "exec ffmpeg -nostdin -v error -use_wallclock_as_timestamps 1 -f mjpeg " +
    `-i ${folder}/pipe -c copy ${output}`;
  return [
    {
      name: "dinocam",
      command: (folder, port) => `export RECORD_DIR=${folder}; ${server.command(PICTURE, port)}`,
    },
    {
      name: "dinocam, not recording",
      command: (_, port) => `export IDLE_SECONDS=never; ${server.command(PICTURE, port)}`,
    },
    {
      name: "ffmpeg -f segment",
      command: (folder) => ffmpeg(folder, `-f segment -segment_time 60 ${folder}/%03d.mkv`),
    },
    {
      name: "ffmpeg to one file",
      command: (folder) => ffmpeg(folder, `${folder}/all.mkv`),
    },
  ];
}

async function benchWriting({ tools, cores, seconds, rounds }: RecordingBenchOptions) {
  const all = await recorders();
  const results = all.map(() => ({ cpu: [] as number[], memory: [] as number[] }));
  let missing = 0;
  for (let round = 0; round < rounds; round++) {
    for (const [i, { name, command }] of all.entries()) {
      const folder = await Deno.makeTempDir();
      try {
        const port = freePort();
        const program = spawn(cores?.server, "sh", ["-c", command(folder, port)], {
          env: cameraEnv(tools, PICTURE),
          stdout: "null",
        });
        const errors = new Response(program.stderr).text();
        await systemClock.sleep(WARMUP * 1000);
        const before = usageOf(program.pid);
        await systemClock.sleep(seconds * 2000);
        const after = usageOf(program.pid);
        await stop(program);
        await errors;
        const cpu = (after.cpu - before.cpu) / seconds / 20;
        results[i]!.cpu.push(cpu);
        results[i]!.memory.push(after.memory / 1e6);
        if (i === 0) missing += await missingFrames(`${folder}/front`, `${folder}/pi`);
        console.error(`recording 720p30, ${name}: ${cpu.toFixed(2)} %`);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }
  }
  const name = "720p30 without viewers";
  const lines: Line[] = [
    { name: `${name}: CPU, % of a core`, figures: results.map((r) => median(r.cpu)), digits: 2 },
    {
      name: `${name}: CPU per frame, µs`,
      figures: results.map((r) => median(r.cpu)! * 10_000 / PICTURE.fps),
      digits: 0,
    },
    { name: `${name}: memory, MB`, figures: results.map((r) => median(r.memory)), digits: 0 },
  ];
  return `${writeTable(all.map((one) => one.name), lines)}\n\n` +
    `Frames missing in dinocam's recordings, after the warm-up: ${missing}.`;
}

/**
 * Counts the frames that are not recorded, after the warm-up: the camera loses some while the server
 * is too slow to read them.
 */
async function missingFrames(...folders: string[]): Promise<number> {
  const numbers: number[] = [];
  for (const folder of folders) {
    for (const file of await segmentFiles(folder)) numbers.push(...await stampsIn(file));
  }
  if (numbers.length === 0) throw new Error("Nothing was recorded");
  const counted = numbers.filter((number) => number >= numbers[0]! + WARMUP * PICTURE.fps);
  return counted.length === 0 ? NaN : counted.at(-1)! - counted[0]! + 1 - counted.length;
}

/** Returns the numbers that the stand-in camera has stamped on the frames of a file. */
async function stampsIn(file: string): Promise<number[]> {
  const text = new TextDecoder("latin1").decode(await Deno.readFile(file));
  return [...text.matchAll(/MJB1([0-9a-f]{16})/g)].map(([, number]) => parseInt(number!, 16));
}

async function benchViewers({ tools, cores, seconds, rounds }: RecordingBenchOptions) {
  const folder = await Deno.makeTempDir();
  try {
    const plain = await dinocamWithoutTask();
    const recording: Contestant = { ...plain, name: "recording", env: { RECORD_DIR: folder } };
    const contestants: Contestant[] = [{ ...plain, name: "not recording" }, recording];
    const load = { ...PICTURE, viewers: 50, seconds: seconds * 2, warmup: WARMUP };
    const results = contestants.map(() => [] as Awaited<ReturnType<typeof measure>>[]);
    for (let round = 0; round < rounds; round++) {
      for (const [i, contestant] of contestants.entries()) {
        const result = await measure(contestant, load, { tools, cores });
        console.error(
          `50 viewers, ${contestant.name}: ${result.cpu.toFixed(1)} %, ${result.lat_p99_ms} ms`,
        );
        results[i]!.push(result);
      }
    }
    const name = "50 viewers, 720p30";
    const figures = (of: (result: Awaited<ReturnType<typeof measure>>) => number) =>
      results.map((all) => median(all.map(of)));
    const lines: Line[] = [
      {
        name: `${name}: fps, median viewer`,
        figures: figures((r) => r.fps_med),
        digits: 1,
        plain: true,
      },
      { name: `${name}: CPU, % of a core`, figures: figures((r) => r.cpu), digits: 2 },
      { name: `${name}: latency p50, ms`, figures: figures((r) => r.lat_p50_ms), digits: 1 },
      { name: `${name}: latency p99, ms`, figures: figures((r) => r.lat_p99_ms), digits: 1 },
      { name: `${name}: memory, MB`, figures: figures((r) => r.memory / 1e6), digits: 0 },
    ];
    return writeTable(contestants.map((one) => one.name), lines);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function benchArchive({ tools, cores, quick }: RecordingBenchOptions): Promise<string> {
  const root = await Deno.makeTempDir();
  try {
    const archive = await writeArchive(root, tools, quick);
    const port = freePort();
    const { command } = await dinocamWithoutTask();
    const server = spawn(cores?.server, "sh", ["-c", command(PICTURE, port)], {
      env: {
        ...cameraEnv(tools, PICTURE),
        CAMERA: CAMERAS.map((name) => `${name}=pi`).join(),
        RECORD_DIR: root,
        RECORD: "off",
        RECORD_MAX: "1000T",
      },
      stdout: "null",
    });
    const errors = new Response(server.stderr).text();
    try {
      await listening(port, server);
      const url = `http://127.0.0.1:${port}`;
      const started = performance.now();
      while ((await recordings(`${url}/cameras/front/recordings`)).progress < 1) {
        await systemClock.sleep(20);
      }
      const read = performance.now() - started;
      return [
        `Archive of ${archive.days} days of 4 cameras, ${archive.segments} segments: read in ` +
        `${read.toFixed(0)} ms after the start.`,
        await benchTimelines(url, archive),
        await benchMoments(url, archive),
        await benchClip(url, archive),
      ].join("\n");
    } finally {
      await stop(server);
      await errors;
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** What {@link writeArchive} has written. */
interface Archive {
  readonly days: number;
  readonly segments: number;
  /** Paths of the index of each day. */
  readonly indexes: readonly string[];
  /** Paths of the segments of the day with frames, and the number of frames of each. */
  readonly files: readonly string[];
  readonly frames: number;
  /** Start, end and paths of the segments with frames of 720p. */
  readonly clip: { readonly from: number; readonly to: number; readonly files: readonly string[] };
}

/** Writes a month of four cameras with indexes only, and for "front" a day and minutes of 720p. */
async function writeArchive(root: string, tools: Tools, quick: boolean): Promise<Archive> {
  const [days, perDay, minutes, frames] = quick ? [30, 144, 2, 120] : [30, 1440, 10, 600];
  const indexes: string[] = [];
  for (const camera of CAMERAS) {
    for (let i = 0; i < days; i++) {
      const start = SOME_DAY + (i + 2) * DAY;
      await writeIndexOnly(root, { camera, start, segments: perDay });
      indexes.push(`${root}/${camera}/${new Date(start).toISOString().slice(0, 10)}/index.tsv`);
    }
  }
  const files = await writeDay(root, { camera: "front", start: SOME_DAY, frames });
  const images = await readFrames(`${tools.frames}/720.mjpeg`);
  const from = SOME_DAY + DAY;
  const clipFiles = await writeDay(root, {
    camera: "front",
    start: from,
    segments: minutes,
    frames: 1800,
    number: 2000,
    images,
  });
  return {
    days,
    segments: CAMERAS.length * days * perDay,
    indexes,
    files,
    frames,
    clip: { from, to: from + minutes * MINUTE, files: clipFiles },
  };
}

async function recordings(url: string): Promise<{ progress: number; spans: unknown[] }> {
  return await (await fetch(url)).json();
}

async function benchTimelines(url: string, { indexes, days }: Archive): Promise<string> {
  for (const index of indexes) await evict(index);
  const times: number[] = [];
  const [from, to] = [SOME_DAY + 2 * DAY, SOME_DAY + (days + 2) * DAY].map((time) => time / 1000);
  for (let round = 0; round < 2; round++) {
    const begun = performance.now();
    for (const camera of CAMERAS) {
      await recordings(`${url}/cameras/${camera}/recordings?from=${from}&to=${to}`);
    }
    times.push(performance.now() - begun);
  }
  return `Timelines of all 4 cameras: ${
    times.map((time) => time.toFixed(0)).join(" ms, again ")
  } ms.`;
}

async function benchMoments(url: string, { files, frames }: Archive): Promise<string> {
  const random = new Random(4);
  const show = async (cold: boolean) => {
    const segment = random.integer(0, files.length - 1);
    const at = SOME_DAY + segment * MINUTE + timeOf(random.integer(0, frames - 1), frames);
    if (cold) await evict(files[segment]!);
    const begun = performance.now();
    const response = await fetch(`${url}/cameras/front/snapshot.jpg?at=${at / 1000}`);
    const jpeg = await response.bytes();
    if (!response.ok) throw new Error(new TextDecoder().decode(jpeg));
    return performance.now() - begun;
  };
  for (let i = 0; i < 100; i++) await show(false);
  const [warm, cold]: [number[], number[]] = [[], []];
  for (let i = 0; i < 1_000; i++) warm.push(await show(false));
  for (let i = 0; i < 100; i++) cold.push(await show(true));
  return `A moment of a day, as a snapshot: ${both(warm)}; with the page cache dropped ${
    both(cold)
  }.`;
}

function both(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

async function benchClip(url: string, { clip }: Archive): Promise<string> {
  const { from, to, files } = clip;
  const address = `${url}/cameras/front/clip.mkv?from=${from / 1000}&to=${to / 1000}`;
  const list = await Deno.makeTempFile({ suffix: ".txt" });
  try {
    await Deno.writeTextFile(list, files.map((file) => `file '${file}'\n`).join(""));
    const ffmpeg =
      `ffmpeg -nostdin -v error -f concat -safe 0 -i ${list} -c copy -f matroska pipe:1`;
    const size = Number((await fetch(address, { method: "HEAD" })).headers.get("Content-Length"));
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < 3; round++) {
      ours.push(size / 1e3 / await time(`curl -sf '${address}' | cat >/dev/null`));
      theirs.push(size / 1e3 / await time(`${ffmpeg} | cat >/dev/null`));
    }
    const [a, b] = [median(ours)!, median(theirs)!];
    return `clip.mkv of ${(to - from) / MINUTE} min, ${(size / 1e6).toFixed(0)} MB: ` +
      `${a.toFixed(0)} MB/s; ffmpeg concat copy ${b.toFixed(0)} MB/s (${(b / a).toFixed(2)} ×).`;
  } finally {
    await Deno.remove(list);
  }
}

/** Runs a shell command. @returns How long it took, in milliseconds. */
async function time(command: string): Promise<number> {
  const begun = performance.now();
  const { success } = await new Deno.Command("sh", { args: ["-c", command] }).output();
  if (!success) throw new Error(`${command} failed`);
  return performance.now() - begun;
}
