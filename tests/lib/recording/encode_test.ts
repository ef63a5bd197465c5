import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertRejects,
} from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { join } from "../../../lib/matroska/ebml.ts";
import type { Clips, Refusal, Sending } from "../../../lib/recording/mod.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess } from "../../processes.ts";
import { ClipLibrary, numberedFrames, START } from "./clip_library.ts";
import { pictures, uneven } from "./pictures.ts";

const ALL = { from: 0, to: Infinity };

function test(name: string, body: () => Promise<void>): void {
  const ignore = Deno.build.os === "windows" || needing("ffmpeg", "ffprobe", "sh").ignore;
  Deno.test({ name, ignore, fn: () => leavingNoProcess(body) });
}

/** Creates a shell script that stands in for ffmpeg. */
async function fakeFfmpeg(script: string): Promise<AsyncDisposable & { ffmpeg: string }> {
  const folder = await Deno.makeTempDir({ prefix: "dinocam-ffmpeg-" });
  const ffmpeg = `${folder}/ffmpeg`;
  const text = `#!/bin/sh\n[ "$1" = -version ] && exit\n${script}\n`;
  await Deno.writeTextFile(ffmpeg, text, { mode: 0o755 });
  const remove = () => Deno.remove(folder, { recursive: true });
  return { ffmpeg, [Symbol.asyncDispose]: remove };
}

async function encode(clips: Clips): Promise<Sending> {
  return await clips.encode((await clips.plan("front", "mp4", ALL))!);
}

async function bodyOf(clips: Clips): Promise<ReadableStream<Bytes>> {
  const encoding = await encode(clips);
  assert("body" in encoding, JSON.stringify(encoding));
  return encoding.body;
}

async function mp4Of(clips: Clips): Promise<Bytes> {
  return join(...await Array.fromAsync(await bodyOf(clips)));
}

/** Runs ffprobe on an MP4, and returns the values of its output. */
async function probe(mp4: Bytes, ...args: string[]): Promise<string[]> {
  const path = await Deno.makeTempFile({ suffix: ".mp4" });
  try {
    await Deno.writeFile(path, mp4);
    const command = new Deno.Command("ffprobe", {
      args: ["-v", "warning", "-of", "csv=p=0", ...args, path],
    });
    const { stdout, stderr } = await command.output();
    assertEquals(new TextDecoder().decode(stderr), "");
    return new TextDecoder().decode(stdout).trim().split(/[\n,]+/);
  } finally {
    await Deno.remove(path);
  }
}

test("an MP4 has every frame at its recorded time, and the duration from its start on", async () => {
  await using library = new ClipLibrary();
  const frames = uneven(START, await pictures("320x240", 150));
  library.record(frames.slice(0, 70));
  library.record(frames.slice(70));
  const { duration } = (await library.clips.plan("front", "mp4", ALL))!;
  const mp4 = await mp4Of(library.clips);
  const times = await probe(mp4, "-show_entries", "packet=pts_time");
  assertEquals(
    times.map((time) => Math.round(Number(time) * 1000)),
    frames.map(({ at }) => at - START),
  );
  const [codec, format, level] = await probe(
    mp4,
    "-show_entries",
    "stream=codec_name,pix_fmt,level",
  );
  assertEquals([codec, format], ["h264", "yuv420p"]);
  assertLess(Number(level), 40); // what every phone can decode
  // The duration is known before the first frame, so a player of a part of the file shows it.
  const start = mp4.subarray(0, mp4.length / 2);
  const durations = await probe(start, "-show_entries", "format=duration:stream=duration");
  for (const text of durations) assertEquals(Math.round(Number(text) * 1000), duration);
});

test("all fragments of an MP4 but the last one have 60 frames", async () => {
  await using library = new ClipLibrary();
  const scenes = [await pictures("160x120", 65), await pictures("160x120", 65, "mandelbrot")];
  library.record(uneven(START, scenes.flat()));
  const mp4 = await mp4Of(library.clips);
  const view = new DataView(mp4.buffer);
  let fragments = 0;
  for (let at = 0; at < mp4.length; at += view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x6d6f6f66) fragments++;
  }
  assertEquals([fragments, library.clips.fragmentFrames], [3, 60]);
});

test("an MP4 of pictures with odd sizes, or with several, has one even size", async () => {
  for (
    const [first, second, expected] of [
      ["161x121", "161x121", ["160", "120"]],
      ["160x120", "320x200", ["160", "120"]],
      ["161x121", "320x200", ["160", "120"]],
    ] as const
  ) {
    await using library = new ClipLibrary();
    library.record(uneven(START, await pictures(first, 20, "testsrc")));
    library.record(uneven(START + 60_000, await pictures(second, 20, "testsrc")));
    const mp4 = await mp4Of(library.clips);
    assertEquals(await probe(mp4, "-show_entries", "stream=width,height"), [...expected]);
    const [count] = await probe(mp4, "-count_frames", "-show_entries", "stream=nb_read_frames");
    assertEquals(count, "40");
  }
});

test("a third MP4 is refused while two are made, and ffmpeg exits when the clients leave", async () => {
  await using library = new ClipLibrary();
  library.record(uneven(START, await pictures("640x480", 600)));
  const [first, second] = [await bodyOf(library.clips), await bodyOf(library.clips)];
  const refusal = await encode(library.clips);
  assert("refused" in refusal);
  assertEquals(refusal.refused, "busy");
  assertEquals(refusal.message, "Cannot make another MP4 now: 2 are being made");
  const started = performance.now();
  await first.cancel();
  assertLess(performance.now() - started, 1_000);
  await (await bodyOf(library.clips)).cancel();
  await second.cancel();
  assertEquals([library.open, library.log], [0, []]);
});

test("ffmpeg exits within 1 s when the client leaves, even if it hangs", async () => {
  await using fake = await fakeFfmpeg("printf '\\0\\0\\0\\010moov'; trap '' INT TERM; sleep 60");
  await using library = new ClipLibrary(fake);
  library.record(numberedFrames({ at: START, count: 10 }));
  const body = await bodyOf(library.clips);
  const started = performance.now();
  await body.cancel();
  assertLess(performance.now() - started, 1_000);
});

test("an MP4 fails in the middle if a frame is deleted meanwhile", async () => {
  await using library = new ClipLibrary();
  const jpegs = await pictures("640x480", 300);
  library.record(uneven(START, jpegs));
  const last = library.record(uneven(START + 60_000, jpegs));
  const body = await bodyOf(library.clips);
  Deno.removeSync(library.pathOf(last));
  await assertRejects(() => Array.fromAsync(body));
  assertEquals(library.log.length, 1);
  assertMatch(library.log[0]!, /^clip failed: .*ENOENT/);
});

test("an MP4 is refused in words if ffmpeg fails or makes nothing", async () => {
  for (
    const [script, message] of [
      [
        "echo \"Unknown encoder 'libx264'\" >&2; exit 1",
        /^Cannot make an MP4: \S+ffmpeg exited with code 1: Unknown encoder 'libx264'$/,
      ],
      ["exit 0", /^Cannot make an MP4: ffmpeg could not read any frame$/],
    ] as const
  ) {
    await using fake = await fakeFfmpeg(script);
    await using library = new ClipLibrary(fake);
    library.record(numberedFrames({ at: START, count: 10 }));
    for (let attempt = 1; attempt <= 3; attempt++) { // its place is free again
      const refusal = await encode(library.clips);
      assert("refused" in refusal);
      assertEquals(refusal.refused, "failed");
      assertMatch(refusal.message, message);
      assertEquals(library.log.length, attempt);
    }
  }
});

test("an MP4 is refused in words if its frames are deleted before it begins", async () => {
  await using library = new ClipLibrary();
  const segment = library.record(uneven(START, await pictures("160x120", 10)));
  const plan = (await library.clips.plan("front", "mp4", ALL))!;
  Deno.removeSync(library.pathOf(segment));
  assertEquals(await library.clips.encode(plan), {
    refused: "failed",
    message: "Cannot make an MP4: a recorded frame was deleted meanwhile, or cannot be read",
  });
  assertMatch(library.log[0]!, /ENOENT/);
});

test("an MP4 is refused in words without ffmpeg", async () => {
  await using library = new ClipLibrary({ ffmpeg: "no-such-ffmpeg" });
  library.record(numberedFrames({ at: START, count: 10 }));
  const refusal: Refusal = {
    refused: "no encoder",
    message: "Cannot make an MP4 as ffmpeg is not installed: sudo apt install ffmpeg; " +
      "clip.mkv needs no ffmpeg",
  };
  assertEquals(await encode(library.clips), refusal);
  assertEquals(await library.clips.refusal(), refusal);
  assertEquals(library.log, []);
});

test("ffmpeg gives way to the server", async () => {
  await using library = new ClipLibrary();
  library.record(uneven(START, await pictures("640x480", 600)));
  const before = new Set(ffmpegs());
  const body = await bodyOf(library.clips);
  const nice = [...ffmpegs()].filter((pid) => !before.has(pid)).map((pid) =>
    Number(Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ")[16])
  );
  await body.cancel();
  assertGreater(nice.length, 0);
  for (const value of nice) assertGreater(value, 0);
});

/** The process IDs of ffmpeg among the children of this process. */
function* ffmpegs(): Generator<string> {
  if (Deno.build.os !== "linux") return;
  const tasks = [...Deno.readDirSync("/proc/self/task")];
  for (const { name } of tasks) {
    const children = Deno.readTextFileSync(`/proc/self/task/${name}/children`);
    yield* children.split(" ").filter((pid) => pid !== "");
  }
}
