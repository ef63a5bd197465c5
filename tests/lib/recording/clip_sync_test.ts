import { assert, assertEquals, assertLess } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { join } from "../../../lib/matroska/ebml.ts";
import { ClipFile } from "../../../lib/recording/clip_file.ts";
import { FRAGMENT_FRAMES } from "../../../lib/recording/encode.ts";
import type { ClipQuery } from "../../../lib/recording/mod.ts";
import { needing } from "../../parts.ts";
import { ClipLibrary } from "./clip_library.ts";
import { decodeFlashes, flashes } from "./flashes.ts";

/** A whole second. */
const START = Date.UTC(2026, 10, 27, 10);
const ALL = { from: 0, to: Infinity };
/** Maximum time between a flash and its beep, in milliseconds. */
const IN_SYNC = 30;

function test(name: string, body: () => Promise<void>): void {
  const ignore = Deno.build.os === "windows" || needing("ffmpeg", "ffprobe").ignore;
  Deno.test({ name, ignore, fn: body });
}

async function clipOf(
  library: ClipLibrary,
  format: "mkv" | "mp4",
  query: ClipQuery = ALL,
): Promise<Bytes> {
  const plan = (await library.clips.plan("front", format, query))!;
  if (format === "mkv") {
    return join(...await Array.fromAsync(new ClipFile(library, plan, format).read()));
  }
  const sending = await library.clips.encode(plan);
  assert("body" in sending, JSON.stringify(sending));
  return join(...await Array.fromAsync(sending.body));
}

/** Uses a clip as a file. */
async function withFile<T>(bytes: Bytes, use: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
}

/** Runs ffprobe, which must print no warning, and returns the values of its output. */
async function probe(path: string, ...args: string[]): Promise<string[]> {
  const options = ["-v", "warning", "-of", "csv=p=0", ...args, path];
  const { stdout, stderr } = await new Deno.Command("ffprobe", { args: options }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).trim().split(/[\n,]+/);
}

/** Checks that a clip flashes at these times, and beeps there, but for those without sound. */
async function assertInSync(
  clip: Bytes,
  { seconds, silent = [] }: { seconds: readonly number[]; silent?: readonly number[] },
): Promise<void> {
  const decoded = await withFile(clip, decodeFlashes);
  assertEquals(decoded.flashes.map(Math.round), seconds.map((second) => second * 1000));
  const expected = decoded.flashes.filter((_, i) => !silent.includes(seconds[i]!));
  assertEquals(decoded.beeps.length, expected.length, decoded.beeps.join());
  for (const [i, beep] of decoded.beeps.entries()) {
    assertLess(Math.abs(beep - expected[i]!), IN_SYNC, `${decoded.beeps.join()} for ${expected}`);
  }
}

for (const format of ["mkv", "mp4"] as const) {
  test(`a beep is within 30 ms of its flash in clip.${format}, after gaps of the sound, too`, async () => {
    await using library = new ClipLibrary();
    const silence = [
      [START + 2_840, START + 4_240],
      [START + 5_500, START + 5_560],
      [START + 8_940, START + 10_000],
    ] as const;
    const first = await flashes({ from: START - 760, to: START + 10_000, silence });
    library.record(first.frames, first);
    const second = await flashes({ from: START + 20_000, to: START + 24_000 });
    library.record(second.frames, second);
    await assertInSync(await clipOf(library, format), {
      seconds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 22, 23].map((second) => second + 0.76),
      silent: [3.76, 4.76, 9.76],
    });
    // A part that begins within a cluster of sound.
    const part = { from: START + 1_960, to: START + 8_500 };
    const clip = await clipOf(library, format, part);
    await assertInSync(clip, {
      seconds: [0.04, 1.04, 2.04, 3.04, 4.04, 5.04, 6.04],
      silent: [1.04, 2.04],
    });
  });

  test(`clip.${format} has sound of any rate, and after segments without sound`, async () => {
    for (const rate of [8_000, 16_000, 22_050, 30_000, 48_000]) {
      await using library = new ClipLibrary();
      const silent = await flashes({ from: START, to: START + 4_000 });
      library.record(silent.frames);
      const heard = await flashes({ from: START + 4_000, to: START + 7_000, rate });
      library.record(heard.frames, heard);
      const end = await flashes({ from: START + 7_000, to: START + 10_000 });
      library.record(end.frames);
      const seconds = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
      await assertInSync(await clipOf(library, format), {
        seconds,
        silent: seconds.filter((second) => second < 4 || second > 6),
      });
    }
  });
}

test("an MP4 with sound begins at 0, has the clip's duration and full fragments", async () => {
  await using library = new ClipLibrary();
  const recorded = await flashes({ from: START, to: START + 9_000 });
  library.record(recorded.frames, recorded);
  const { duration, frames } = (await library.clips.plan("front", "mp4", ALL))!;
  const mp4 = await clipOf(library, "mp4");
  const view = new DataView(mp4.buffer);
  let fragments = 0;
  for (let at = 0; at < mp4.length; at += view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x6d6f6f66) fragments++;
  }
  assertEquals(fragments, Math.ceil(frames / FRAGMENT_FRAMES));
  await withFile(mp4, async (path) => {
    const entries = "stream=codec_name,sample_rate,channels,start_time";
    const streams = await probe(path, "-show_entries", entries);
    assertEquals(streams, ["h264", "0.000000", "aac", "24000", "1", "0.000000"]);
    const times = await probe(path, "-select_streams", "v", "-show_entries", "packet=pts_time");
    assertEquals(
      times.map((time) => Math.round(Number(time) * 1000)),
      recorded.frames.map(({ at }) => at - START),
    );
    const durations = await probe(path, "-show_entries", "format=duration:stream=duration");
    for (const text of durations) assertEquals(Math.round(Number(text) * 1000), duration);
    const sounds = await probe(path, "-select_streams", "a", "-show_entries", "packet=pts_time");
    assertLess(Math.abs(Number(sounds.at(-1)) - 9), 0.1);
  });
});

test("an MP4 is in sync after a gap of ten minutes, and frames may be far apart", async () => {
  await using library = new ClipLibrary();
  for (const from of [START + 800, START + 600_800]) {
    const recorded = await flashes({ from, to: from + 4_000 });
    library.record(recorded.frames, recorded);
  }
  const seconds = [0, 1, 2, 3, 600, 601, 602, 603].map((second) => second + 0.2);
  const mp4 = await clipOf(library, "mp4");
  await assertInSync(mp4, { seconds });
  // All are in one fragment of frames.
  const few = await clipOf(library, "mp4", { ...ALL, fps: 5 });
  await assertInSync(few, { seconds });
});

test("the sound of an MP4 follows the recorded times if the microphone's clock is wrong", async () => {
  for (const ppm of [500, -500]) {
    await using library = new ClipLibrary();
    const recorded = await flashes({ from: START + 300, to: START + 120_000, fps: 10 });
    // The samples of a true 100 ms are played in 100.05 ms.
    const clusters = recorded.sound.clusters.map(({ at, samples }) => ({
      samples,
      at: START + Math.round((at - START) * (1 + ppm / 1e6)),
    }));
    const frames = recorded.frames.map(({ at, jpeg }) => ({
      jpeg,
      at: START + Math.round((at - START) * (1 + ppm / 1e6)),
    }));
    library.record(frames, { sound: { rate: 24_000, clusters } });
    const { beeps, flashes: shown } = await withFile(await clipOf(library, "mp4"), decodeFlashes);
    assertEquals([shown.length, beeps.length], [119, 119]);
    const differences = beeps.map((beep, i) => beep - shown[i]!);
    assertLess(Math.max(...differences.map(Math.abs)), IN_SYNC, differences.join());
  }
});

test("an MP4 of another speed, or of marks, has no sound", async () => {
  await using library = new ClipLibrary();
  const recorded = await flashes({ from: START, to: START + 4_000 });
  library.record(recorded.frames, recorded);
  library.marks.push({ at: START + 50, label: "layer", before: 0, after: 0, keep: false });
  for (const query of [{ ...ALL, speed: 2 }, { ...ALL, marks: "layer" }]) {
    const mp4 = await clipOf(library, "mp4", query);
    const streams = await withFile(
      mp4,
      (path) => probe(path, "-show_entries", "stream=codec_name"),
    );
    assertEquals(streams, ["h264"]);
  }
});
