import { assert, assertEquals, assertGreater } from "@std/assert";
import { join } from "@std/path";
import { systemClock } from "../../lib/clock.ts";
import { figure, percentile } from "../faults/figures.ts";
import { ffmpeg } from "../ffmpeg.ts";
import type { Server } from "../server.ts";
import { readElement } from "../../lib/matroska/ebml.ts";
import { type Beep, BeepDetector } from "./beeps.ts";
import { LiveClient } from "./live_client.ts";
import { SoundStudio } from "./sync_run.ts";

/** How far a flash and its beep may be apart in a file, in milliseconds. */
const MAX_APART = 30;

/** ID of the element that contains the clusters. */
const SEGMENT = 0x18538067;

/** A packet of a file, by ffprobe. */
interface Packet {
  /** In milliseconds. */
  readonly time: number;
  /** In milliseconds. */
  readonly duration: number;
}

/** Records `/av.mkv`, and reads the file with ffprobe and ffmpeg. */
export async function checkLiveMatroska(seconds: number): Promise<void> {
  await using studio = await SoundStudio.start();
  await inFolder(async (folder) => {
    const file = join(folder, "av.mkv");
    await save(`${studio.server.url}/av.mkv`, file, seconds * 1_000);
    await removePartialElement(file);
    assertEquals(await codecsOf(file), ["mjpeg", "pcm_s16le"]);
    await checkFile("av.mkv", file, seconds);
  });
}

/** Records with sound, and reads clips in Matroska and MP4. */
export async function checkClips(seconds: number): Promise<void> {
  await inFolder(async (folder) => {
    await using studio = await SoundStudio.start(() => ({
      RECORD_DIR: join(folder, "recordings"),
      RECORD_AUDIO: "on",
    }));
    await systemClock.sleep(3_000); // the camera and the microphone start
    const from = Date.now() / 1_000;
    await systemClock.sleep((seconds + 2) * 1_000);
    for (
      const [type, codecs] of [["mkv", ["mjpeg", "pcm_s16le"]], ["mp4", ["h264", "aac"]]] as const
    ) {
      const file = join(folder, `clip.${type}`);
      const address = `${studio.server.url}/cameras/front/clip.${type}?from=${from}` +
        `&to=${from + seconds}`;
      await save(address, file);
      assertEquals(await codecsOf(file), [...codecs]);
      await checkFile(`clip.${type}`, file, seconds);
    }
    await checkReplay(studio.server, { from, seconds });
  });
}

/** Replays a recording at speed 1, and compares the times of sound and pictures. */
async function checkReplay(
  server: Server,
  { from, seconds }: { from: number; seconds: number },
): Promise<void> {
  const beeps: Beep[] = [];
  const detector = new BeepDetector(24_000, (beep) => beeps.push(beep));
  await using client = await LiveClient.open(server.url, ["front"]);
  let packets = 0;
  client.onRecordedSound = (samples, time) => {
    packets++;
    detector.add(samples, time);
  };
  client.listen(["front"]);
  client.send({ type: "replay", cameras: ["front"], at: from * 1_000, speed: 1, id: 1 });
  await systemClock.sleep((seconds - 1) * 1_000);
  const ages = beeps.map(({ time }) => (time + 500) % 1_000 - 500);
  const shown = ages.map((age) => age.toFixed(1)).join(", ");
  figure(`replay: ${packets} messages of sound, beeps after whole seconds`, `${shown} ms`);
  assertGreater(beeps.length, seconds - 4);
}

/** Checks that ffmpeg reads a file without a warning, and that flashes and beeps coincide. */
async function checkFile(name: string, file: string, seconds: number): Promise<void> {
  const { warnings } = await ffmpeg(["-i", file, "-f", "null", "-"]);
  // ffmpeg 5 says that of the PCM of every Matroska file.
  const index = warnings.findIndex((line) => line.startsWith("Guessed Channel Layout"));
  if (index >= 0) warnings.splice(index, 1);
  figure(`${name}: warnings of ffmpeg`, warnings.length === 0 ? 0 : warnings.join(" | "), "0");
  const flashes = await findFlashes(file);
  const beeps = await findBeeps(file);
  const apart = beeps.flatMap(({ time }) => {
    const nearest = flashes.toSorted((a, b) => Math.abs(a - time) - Math.abs(b - time))[0];
    return nearest === undefined || Math.abs(nearest - time) > 500 ? [] : [time - nearest];
  });
  const [min, p50, max] = [0, 0.5, 1].map((share) => percentile(apart, share));
  figure(
    `${name}: beep after flash, n = ${apart.length}`,
    `${min!.toFixed(1)} … ${max!.toFixed(1)} ms, median ${p50!.toFixed(1)} ms`,
    `within ${MAX_APART} ms`,
  );
  assertEquals(warnings, []);
  assertGreater(apart.length, seconds - 4);
  assert(Math.max(-min!, max!) <= MAX_APART, `${apart}`);
}

async function findFlashes(file: string): Promise<number[]> {
  const packets = await packetsOf(file, "v:0");
  const pixel = ["-vf", "scale=1:1,format=gray", "-fps_mode", "passthrough"];
  const { output } = await ffmpeg(["-i", file, "-map", "0:v", ...pixel, "-f", "rawvideo", "-"]);
  assertEquals(output.length, packets.length);
  const times = packets.map(({ time }) => time).sort((a, b) => a - b);
  return times.filter((_, i) => i > 0 && output[i]! > 128 && output[i - 1]! <= 128);
}

/** Finds beeps, each by the time of its packet. */
async function findBeeps(file: string): Promise<Beep[]> {
  const rate = 48_000;
  const beeps: Beep[] = [];
  const detector = new BeepDetector(rate, (beep) => beeps.push(beep));
  const [first] = await packetsOf(file, "a:0");
  // Fills gaps by the packets' times, as players do.
  const filter = ["-af", "aresample=async=1:min_hard_comp=0.01:first_pts=0"];
  const raw = ["-ac", "1", "-ar", `${rate}`, "-f", "s16le", "-"];
  const { output } = await ffmpeg(["-copyts", "-i", file, "-map", "0:a", ...filter, ...raw]);
  assert(first !== undefined);
  detector.add(new Int16Array(output.slice().buffer, 0, output.length >> 1), 0);
  return beeps;
}

async function packetsOf(file: string, stream: string): Promise<Packet[]> {
  const entries = ["-show_entries", "packet=pts_time,duration_time", "-of", "csv=p=0"];
  const text = await ffprobe(["-select_streams", stream, ...entries, file]);
  return text.trim().split("\n").map((line) => {
    const [time, duration] = line.split(",");
    return { time: Number(time) * 1_000, duration: Number(duration) * 1_000 };
  });
}

async function codecsOf(file: string): Promise<string[]> {
  const text = await ffprobe(["-show_entries", "stream=codec_name", "-of", "csv=p=0", file]);
  return text.trim().split("\n");
}

/** Runs ffprobe, which must print no warning. */
async function ffprobe(args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("ffprobe", {
    args: ["-v", "warning", ...args],
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout);
}

/** Saves a response, or the first `ms` milliseconds of it. */
async function save(url: string, file: string, ms = Infinity): Promise<void> {
  const response = await fetch(url);
  assertEquals(response.status, 200, `${url}: ${response.ok || await response.text()}`);
  using output = await Deno.open(file, { write: true, create: true });
  const begun = performance.now();
  for await (const chunk of response.body!) {
    for (let at = 0; at < chunk.length;) at += await output.write(chunk.subarray(at));
    if (performance.now() - begun > ms) break;
  }
}

/** Removes the element at the end of a Matroska file of which a part is missing. */
async function removePartialElement(file: string): Promise<void> {
  const bytes = await Deno.readFile(file);
  let at = 0;
  for (let element; (element = readElement(bytes, at));) {
    const isOpen = element.end === Infinity || element.id === SEGMENT;
    if (!isOpen && element.end > bytes.length) break;
    at = isOpen ? element.start : element.end;
  }
  await Deno.truncate(file, at);
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dinocam-sound-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
