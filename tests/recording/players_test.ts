import { assertAlmostEquals, assertEquals } from "@std/assert";
import { run, withFolder } from "../clients/client.ts";
import { figure, rounded } from "../faults/figures.ts";
import { needing } from "../parts.ts";
import { Random } from "../random.ts";
import { join } from "../lib/jpeg/sample_jpegs.ts";
import { numberedJpeg } from "./numbered_jpeg.ts";
import { PLAYERS, withoutNotes } from "./players.ts";
import { encodeSegment, type FileFrame, type FileSound } from "./segment_file.ts";

/** 300 frames of about 30 fps at irregular times, with a gap of 2.5 s after half of them. */
function irregularFrames(): FileFrame[] {
  const random = new Random(1);
  let time = 0;
  return Array.from({ length: 300 }, (_, i) => {
    if (i > 0) time += i === 152 ? 2_500 : random.integer(29, 37);
    return { time, jpeg: numberedJpeg(i) };
  });
}

/** Calls `use` with a folder that any user may write to. */
function withOpenFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    await Deno.chmod(folder, 0o777);
    return await use(folder);
  });
}

/** Samples per second of {@link someSound}. */
const RATE = 24_000;

/** A tone of 400 Hz in clusters of 100 ms for 10 s, with a gap of a second after three. */
function someSound(): FileSound[] {
  return Array.from({ length: 100 }, (_, i) => {
    const samples = Int16Array.from(
      { length: RATE / 10 },
      (_, n) => 8_000 * Math.sin(2 * Math.PI * 400 * n / RATE),
    );
    return { time: i * 100 + (i < 30 ? 7 : 1_007), samples: new Uint8Array(samples.buffer) };
  });
}

for (const [complete, hasSound] of [[true, false], [false, false], [true, true], [false, true]]) {
  const kind = (complete ? "a complete segment" : "a segment that is being recorded") +
    (hasSound ? " with sound" : "");
  const sound = hasSound ? { rate: RATE, clusters: someSound() } : undefined;
  for (const { name, programs, leavesOut = 0, play } of PLAYERS) {
    Deno.test(`${name} plays each frame of ${kind} at its time`, needing(...programs), async () => {
      await withOpenFolder(async (folder) => {
        const frames = irregularFrames();
        const file = `${folder}/segment.mkv`;
        await Deno.writeFile(file, encodeSegment(frames, { complete, sound }));
        const { times, complaints } = await play(file, folder);
        assertEquals([times.length, complaints], [frames.length - leavesOut, ""]);
        const errors = times.map((time, i) => Math.abs(time - frames[i]!.time));
        figure(
          `${name}, ${kind}, largest error of a time`,
          `${rounded(Math.max(...errors))} ms`,
          "1 ms",
        );
        for (const [i, time] of times.entries()) {
          assertAlmostEquals(time, frames[i]!.time, 1, `frame ${i}`);
        }
      });
    });
  }
}

Deno.test("ffmpeg copies the JPEGs of a segment unchanged", needing("ffmpeg"), async () => {
  await withFolder(async (folder) => {
    const frames = irregularFrames();
    await Deno.writeFile(`${folder}/segment.mkv`, encodeSegment(frames));
    const { code, stderr } = await run("ffmpeg", [
      ...["-nostdin", "-v", "warning", "-i", "segment.mkv", "-map", "0:v", "-c", "copy"],
      ...["-f", "image2", "%03d.jpg"],
    ], { cwd: folder });
    assertEquals([code, stderr], [0, ""]);
    for (const [i, { jpeg }] of frames.entries()) {
      const copy = await Deno.readFile(`${folder}/${`${i + 1}`.padStart(3, "0")}.jpg`);
      assertEquals(copy, jpeg, `frame ${i}`);
    }
  });
});

Deno.test(
  "ffprobe reports the duration and the date of a segment",
  needing("ffprobe"),
  async () => {
    await withFolder(async (folder) => {
      const frames = irregularFrames();
      await Deno.writeFile(`${folder}/segment.mkv`, encodeSegment(frames));
      const { stdout, stderr } = await run("ffprobe", [
        ...["-v", "warning", "-of", "default=nw=1:nk=1", "-show_entries"],
        ...["format=duration:format_tags=creation_time", "segment.mkv"],
      ], { cwd: folder });
      const [duration, date] = stdout.trim().split("\n");
      const last = frames.at(-1)!.time;
      assertEquals(stderr, "");
      assertAlmostEquals(Number(duration) * 1000, last + last / 299, 1);
      assertEquals(date, "2026-11-27T05:43:33.123000Z");
    });
  },
);

Deno.test("ffmpeg seeks in a segment, also behind a gap", needing("ffmpeg"), async () => {
  await withFolder(async (folder) => {
    const frames = irregularFrames();
    await Deno.writeFile(`${folder}/segment.mkv`, encodeSegment(frames));
    for (const index of [0, 20, 151, 152, 250, 299]) {
      const { stdout } = await run("ffmpeg", [
        ...["-nostdin", "-v", "warning", "-ss", `${frames[index]!.time / 1000}`],
        ...["-i", "segment.mkv", "-frames:v", "1", "-c", "copy", "-f", "framemd5", "-"],
      ], { cwd: folder });
      assertEquals(stdout.trim().split(",").at(-1)!.trim(), await md5(frames[index]!.jpeg));
    }
  });
});

for (const complete of [true, false]) {
  const kind = complete ? "complete" : "open";
  Deno.test(
    `ffmpeg reads the sound of a segment (${kind}) at its times, unchanged`,
    needing("ffmpeg", "ffprobe"),
    async () => {
      await withFolder(async (cwd) => {
        const clusters = someSound();
        const sound = { rate: RATE, clusters };
        const file = encodeSegment(irregularFrames(), { complete, sound });
        await Deno.writeFile(`${cwd}/segment.mkv`, file);
        const { stdout: packets, stderr } = await run("ffprobe", [
          ...["-v", "warning", "-select_streams", "a", "-of", "csv=p=0", "-show_entries"],
          ...["stream=codec_name,sample_rate,channels:packet=pts_time", "segment.mkv"],
        ], { cwd });
        const lines = packets.trim().split("\n");
        assertEquals([lines.pop(), stderr], [`pcm_s16le,${RATE},1`, ""]);
        const times = lines.map((line) => Math.round(parseFloat(line) * 1000));
        assertEquals(times, clusters.map(({ time }) => time));
        const copied = await run("ffmpeg", [
          ...["-nostdin", "-v", "warning", "-i", "segment.mkv", "-map", "0:a", "-c", "copy"],
          ...["-f", "s16le", "sound.raw"],
        ], { cwd });
        assertEquals([copied.code, withoutNotes(copied.stderr)], [0, ""]);
        const samples = join(...clusters.map(({ samples }) => samples));
        assertEquals(await Deno.readFile(`${cwd}/sound.raw`), samples);
        const decoded = await run("ffmpeg", [
          ...["-nostdin", "-v", "warning", "-i", "segment.mkv", "-f", "null", "-"],
        ], { cwd });
        assertEquals([decoded.code, withoutNotes(decoded.stderr)], [0, ""]);
      });
    },
  );
}

async function md5(bytes: Uint8Array): Promise<string> {
  const { createHash } = await import("node:crypto");
  return createHash("md5").update(bytes).digest("hex");
}
