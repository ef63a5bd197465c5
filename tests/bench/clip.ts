/**
 * Measures how long a clip of 10 minutes of 720p30 takes over HTTP, beside ffmpeg, which copies the
 * same segments to a file: `deno run -A tests/bench/clip.ts`. Needs ffmpeg, curl and 3 GB of disk.
 *
 * @module
 */
import process from "node:process";
import { ClipLibrary } from "../lib/recording/clip_library.ts";
import { pictures } from "../lib/recording/pictures.ts";
import { FakeRecording, setUpRecording } from "../lib/http/fake_recording.ts";

const MINUTES = 10;
/** The time of the requests. */
const NOW = Date.UTC(2026, 0, 1);
const START = NOW - MINUTES * 60_000;
const ROUNDS = 3;

await using library = new ClipLibrary();
const jpegs = await pictures("1280x720", 30);
const list: string[] = [];
for (let minute = 0; minute < MINUTES; minute++) {
  const frames = Array.from({ length: 1800 }, (_, i) => ({
    at: START + minute * 60_000 + Math.round(i * 1000 / 30),
    jpeg: jpegs[i % jpegs.length]!,
  }));
  list.push(`file '${library.pathOf(library.record(frames))}'\n`);
}

const recording = new FakeRecording([START]);
recording.clips = library.clips;
const { app } = setUpRecording(recording);
const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
await using server = Deno.serve(options, (request, info) => app.fetch(request, info));
const url = `http://127.0.0.1:${server.addr.port}/cameras/front`;

const folder = await Deno.makeTempDir({ prefix: "dinocam-bench-" });
try {
  await Deno.writeTextFile(`${folder}/list`, list.join(""));
  const head = await fetch(`${url}/clip.mkv?from=-1h`, { method: "HEAD" });
  const megabytes = Number(head.headers.get("Content-Length")) / 1e6;
  console.log(`${head.headers.get("X-Clip-Frames")} frames, ${megabytes.toFixed(0)} MB`);

  const planned = await timed(() => fetch(`${url}/clip.mkv?from=-1h`, { method: "HEAD" }));
  console.log(`HEAD clip.mkv: ${(planned * 1000).toFixed(0)} ms`);
  for (const format of ["mkv", "mjpeg"]) {
    await report(`clip.${format} by curl`, megabytes, [
      ...["curl", "-sf", "-o", "/dev/null", `${url}/clip.${format}?from=-1h`],
    ]);
  }
  await report("clip.mkv by curl, to a file", megabytes, [
    ...["curl", "-sf", "-o", `${folder}/curl.mkv`, `${url}/clip.mkv?from=-1h`],
  ]);
  await report("ffmpeg -f concat -c copy, to a file", megabytes, [
    ...["ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", `${folder}/list`],
    ...["-c", "copy", `${folder}/ffmpeg.mkv`],
  ]);
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** Runs a program several times, and prints the fastest run, with this process's CPU time. */
async function report(name: string, megabytes: number, [program, ...args]: string[]) {
  let best = { seconds: Infinity, cpu: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const before = cpuSeconds();
    const seconds = await timed(async () => {
      const { success } = await new Deno.Command(program!, { args }).output();
      if (!success) throw new Error(`${program} failed`);
    });
    if (seconds < best.seconds) best = { seconds, cpu: cpuSeconds() - before };
  }
  const { seconds, cpu } = best;
  const speed = (megabytes / seconds).toFixed(0);
  console.log(`${name}: ${seconds.toFixed(2)} s, ${speed} MB/s; CPU here ${cpu.toFixed(2)} s`);
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
