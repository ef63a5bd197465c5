import { systemClock } from "../../lib/clock.ts";
import { splitJpegs } from "../../lib/jpeg/split.ts";
import { sizeOf } from "../../lib/jpeg/segments.ts";
import { clusterHeader, encodeHead } from "../../lib/matroska/mod.ts";
import { readFrames } from "../recording/mjpeg_file.ts";
import { FPS, type Reception } from "./pixel_server.ts";
import { usageOf } from "./proc.ts";
import type { Tools } from "./tools.ts";

const INTERVAL = 1000 / FPS;
/** JPEG quality on ffmpeg's scale, that of the camera's frames. */
const QUALITY = 6;

/** Work for ffmpeg. */
export interface FfmpegWork {
  readonly tools: Tools;
  readonly core: number | undefined;
  /** Height of the pictures. */
  readonly height: number;
  /** Options of the decoder. */
  readonly decoder?: readonly string[];
  /** Filters. */
  readonly filter?: string;
  readonly warmup: number;
  readonly seconds: number;
}

/**
 * Has ffmpeg change pictures, 30 per second. The input is Matroska, with the options for which ffmpeg
 * holds back no frame.
 */
export async function measureFfmpeg(work: FfmpegWork): Promise<Reception> {
  const { tools, core, height, decoder = [], filter, warmup, seconds } = work;
  const frames = await readFrames(`${tools.frames}/${height}.mjpeg`);
  const args = [
    ...["-v", "error", "-probesize", "32", ...decoder, "-f", "matroska", "-i", "pipe:0"],
    ...(filter ? ["-vf", filter] : []),
    ...["-fps_mode", "passthrough", "-c:v", "mjpeg", "-huffman", "default", "-q:v", `${QUALITY}`],
    ...["-f", "mjpeg", "pipe:1"],
  ];
  const pinned = core === undefined ? [] : ["taskset", "-c", `${core}`];
  const [program, ...rest] = [...pinned, "ffmpeg", ...args];
  const child = new Deno.Command(program!, {
    args: rest,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const sent: number[] = [];
  const ages: number[] = [];
  let bytes = 0;
  const received = (async () => {
    for await (const jpeg of splitJpegs(child.stdout)) {
      ages.push(performance.now() - sent[ages.length]!);
      bytes += jpeg.length;
    }
  })();
  const writer = child.stdin.getWriter();
  await writer.write(encodeHead({ date: 0, size: sizeOf(frames[0]!)!, frameRate: FPS }));
  const count = Math.round((warmup + seconds) * FPS), first = Math.round(warmup * FPS);
  const start = performance.now();
  let before = 0, firstReceived = 0, firstBytes = 0;
  for (let i = 0; i < count; i++) {
    const time = i * INTERVAL;
    await systemClock.sleep(start + time - performance.now());
    if (i === first) {
      [before, firstReceived, firstBytes] = [usageOf(child.pid).cpu, ages.length, bytes];
    }
    const jpeg = frames[i % frames.length]!;
    sent.push(performance.now());
    await writer.write(clusterHeader(Math.round(time), jpeg.length));
    await writer.write(jpeg.slice());
  }
  await systemClock.sleep(INTERVAL);
  const cpu = usageOf(child.pid).cpu - before;
  await writer.close();
  await received;
  const { success } = await child.status;
  if (!success || ages.length < count) throw new Error(`ffmpeg: ${await errors}`);
  await errors;
  const measured = ages.slice(first).toSorted((a, b) => a - b);
  const at = (share: number) => measured[Math.floor(share * (measured.length - 1))]!;
  return {
    frames: count - first,
    seconds,
    cpu: cpu / (count - first),
    fps: FPS,
    p50: at(0.5),
    p99: at(0.99),
    bytes: (bytes - firstBytes) / (ages.length - firstReceived),
  };
}
