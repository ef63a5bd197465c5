import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { sizeOf } from "../../../lib/jpeg/segments.ts";
import { join } from "../../../lib/matroska/ebml.ts";
import { Clips } from "../../../lib/recording/clip.ts";
import { ClipFile, type ClipFileFormat } from "../../../lib/recording/clip_file.ts";
import type { SegmentLibrary } from "../../../lib/recording/segment_library.ts";
import { SegmentWriter } from "../../../lib/recording/segment_writer.ts";
import { ActivityMeter } from "../../../lib/recording/activity.ts";
import { needing } from "../../parts.ts";
import { pictures, uneven } from "./pictures.ts";
import { every, Recordings, START } from "./recordings.ts";
import { numberOf, parseSegment } from "./segment_files.ts";

const ALL = { from: 0, to: START + 86_400_000 };

function clipsOf({ log }: Recordings, library: SegmentLibrary): Clips {
  return new Clips({ library, log, marks: { list: () => Promise.resolve([]) } });
}

async function read(
  library: SegmentLibrary,
  clips: Clips,
  format: ClipFileFormat = "mkv",
): Promise<{ bytes: Bytes; etag: string }> {
  const plan = (await clips.plan("front", format, ALL))!;
  const { length, etag } = await clips.file(plan, format);
  const bytes = join(...await Array.fromAsync(new ClipFile(library, plan, format).read()));
  assertEquals(bytes.length, length);
  return { bytes, etag };
}

Deno.test("a clip has the frames that are played where the clock was set back", async () => {
  await using recordings = new Recordings();
  await recordings.write({ start: START, times: every(100, 100) });
  // The clock is set back to 5 s after the start.
  await recordings.write({ start: START + 5_050, times: every(100, 20), firstNumber: 1000 });
  const library = await recordings.open();
  const { frames, isComplete } = parseSegment(
    (await read(library, clipsOf(recordings, library))).bytes,
  );
  assert(isComplete);
  const expected = [
    ...every(100, 51).map((time) => [time, time / 100]),
    ...every(100, 20).map((time, i) => [5_050 + time, 1000 + i]),
    ...every(100, 30).map((time) => [7_000 + time, 70 + time / 100]),
  ];
  assertEquals(frames.map(({ at, jpeg }) => [at - START, numberOf(jpeg)]), expected);
});

Deno.test("a clip of a segment that is recorded now keeps its ETag when it is closed", async () => {
  await using recordings = new Recordings();
  const library = await recordings.open();
  const writer = await recordings.writeOpen({ start: START, times: every(100, 30) });
  library.add(writer.segment);
  const clips = clipsOf(recordings, library);
  const open = await read(library, clips);
  assertEquals(parseSegment(open.bytes).frames.length, 30);
  await library.replace(writer.segment, (await writer.close())!);
  assertEquals(await read(library, clips), open);
});

Deno.test("a clip leaves out segments that have been deleted", async () => {
  await using recordings = new Recordings();
  const segments = [];
  for (let i = 0; i < 3; i++) {
    segments.push(await recordings.write({ start: START + i * 10_000, firstNumber: 100 * i }));
  }
  const library = await recordings.open();
  Deno.removeSync(recordings.path(segments[1]!));
  const { frames } = parseSegment((await read(library, clipsOf(recordings, library))).bytes);
  assertEquals(frames.map(({ jpeg }) => numberOf(jpeg)), [
    ...Array.from({ length: 20 }, (_, i) => i),
    ...Array.from({ length: 20 }, (_, i) => 200 + i),
  ]);
});

Deno.test(
  "ffmpeg reads a clip without a warning: every frame, with its time and the same bytes",
  needing("ffmpeg", "ffprobe"),
  async () => {
    await using recordings = new Recordings();
    const frames = uneven(START, await pictures("320x240", 120));
    const { disk, root } = recordings;
    for (const folder of ["front", "front/2026-11-27"]) await disk.makeFolder(`${root}/${folder}`);
    for (const [number, part] of [frames.slice(0, 70), frames.slice(70)].entries()) {
      const options = { disk, root, camera: "front", number, start: part[0]!.at };
      const size = sizeOf(part[0]!.jpeg)!;
      const writer = await SegmentWriter.create({
        ...options,
        size,
        activity: new ActivityMeter(),
      });
      await writer.append(part);
      await writer.close();
    }
    const library = await recordings.open();
    const clips = clipsOf(recordings, library);
    const path = `${recordings.root}/clip.mkv`;
    await Deno.writeFile(path, (await read(library, clips)).bytes);

    const run = async (program: string, ...args: string[]) => {
      const { stdout, stderr } = await new Deno.Command(program, { args }).output();
      assertEquals(new TextDecoder().decode(stderr), "");
      return new TextDecoder().decode(stdout);
    };
    const md5 = await run(
      "ffmpeg",
      ...["-v", "warning", "-i", path, "-map", "0:v", "-c", "copy", "-f", "framemd5", "-"],
    );
    const lines = md5.split("\n").filter((line) => line && !line.startsWith("#"));
    const found = lines.map((line) => {
      const [, , time, , size, hash] = line.split(/, */);
      return [Number(time), Number(size), hash];
    });
    const expected = await Promise.all(frames.map(async ({ at, jpeg }) => [
      at - START,
      jpeg.length,
      await md5Of(jpeg),
    ]));
    assertEquals(found, expected);
    const decoded = await run(
      "ffprobe",
      ...["-v", "warning", "-count_frames", "-show_entries", "stream=nb_read_frames", path],
    );
    assertMatch(decoded, /nb_read_frames=120/);
    const plan = (await clips.plan("front", "mkv", ALL))!;
    const duration = await run(
      "ffprobe",
      "-v",
      "warning",
      "-show_entries",
      "format=duration",
      path,
    );
    assertMatch(duration, new RegExp(`duration=${(plan.duration / 1000).toFixed(6)}`));
  },
);

async function md5Of(bytes: Bytes): Promise<string> {
  const { createHash } = await import("node:crypto");
  return createHash("md5").update(bytes).digest("hex");
}
