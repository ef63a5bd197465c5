import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import {
  CLUSTER_HEADER,
  readClusterHeader,
  readLiveHead,
  TRACK,
} from "../../../lib/matroska/mod.ts";
import { join } from "../../../lib/matroska/ebml.ts";
import type { ClipFileFormat } from "../../../lib/recording/clip_file.ts";
import { planMarks, planPeriod } from "../../../lib/recording/clip_plan.ts";
import type { ProcessPicture } from "../../../lib/pixels/task.ts";
import {
  CannotRenderError,
  RenderedClip,
  type RenderedClipOptions,
} from "../../../lib/recording/rendered_clip.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess } from "../../processes.ts";
import { ClipLibrary, numberedFrames, numberedSound, START } from "./clip_library.ts";
import { FakeEngine, smaller } from "./fake_engine.ts";
import { pictures, uneven } from "./pictures.ts";

const PERIOD = { from: 0, to: Infinity, speed: 1, fps: undefined };

/** Opens a clip of everything that was recorded. */
async function open(
  library: ClipLibrary,
  render: ProcessPicture,
  options: Partial<RenderedClipOptions & Parameters<typeof planPeriod>[2]> = {},
): Promise<RenderedClip> {
  const plan = await planPeriod(library, "front", { ...PERIOD, ...options });
  return new RenderedClip(library, plan!, { render, ...options });
}

async function read(clip: RenderedClip, format: ClipFileFormat): Promise<Bytes> {
  return join(...await Array.fromAsync(clip.read(format, await clip.first())));
}

/** Returns the clusters of a Matroska file that is complete. */
function clustersOf(mkv: Bytes): { time: number; track: number; data: Bytes }[] {
  const clusters = [];
  for (let at = readLiveHead(mkv)!.length; at < mkv.length;) {
    const { time, track, size } = readClusterHeader(mkv, at)!;
    const data = mkv.subarray(at + CLUSTER_HEADER, at + CLUSTER_HEADER + size);
    clusters.push({ time, track, data });
    at += CLUSTER_HEADER + size;
  }
  return clusters;
}

Deno.test("a rendered clip has each frame at its time, rendered, and the size of the first one", async () => {
  await using library = new ClipLibrary();
  const frames = numberedFrames({ at: START, count: 80 });
  library.record(frames.slice(0, 50));
  library.record(frames.slice(50));
  const engine = new FakeEngine();
  const clip = await open(library, async (jpeg, at) => {
    const rendered = await engine.process(jpeg, at);
    return { ...rendered, size: { width: 2, height: 1 } };
  });
  const mkv = await read(clip, "mkv");
  const { size, date, duration, fileSize, cuesAt } = readLiveHead(mkv)!;
  assertEquals([size, date, duration], [{ width: 2, height: 1 }, START, 3_200]);
  assertEquals([fileSize, cuesAt! >= mkv.length || cuesAt === undefined], [undefined, true]);
  assertEquals(
    clustersOf(mkv),
    frames.map(({ at, jpeg }) => ({ time: at - START, track: 1, data: smaller(jpeg) })),
  );
  assertEquals(engine.times, [START, ...frames.map(({ at }) => at)]);
  assertEquals(await read(clip, "mjpeg"), join(...frames.map(({ jpeg }) => smaller(jpeg))));
  assertEquals(library.open, 0);
});

Deno.test("a rendered clip has the recorded sound between its frames", async () => {
  await using library = new ClipLibrary();
  const sound = numberedSound({ from: START, to: START + 2_000 });
  library.record(numberedFrames({ at: START, count: 50 }), { sound });
  const clip = await open(library, new FakeEngine().process, { sound: true });
  const mkv = await read(clip, "mkv");
  assertEquals(readLiveHead(mkv)!.sound, { rate: 8_000 });
  const heard = clustersOf(mkv).filter(({ track }) => track === TRACK.SOUND);
  assertEquals(
    join(...heard.map(({ data }) => data)),
    join(...sound.clusters.map(({ samples }) => samples)),
  );
});

Deno.test("a text in a rendered clip has the time of the recording, not of the clip", async () => {
  await using library = new ClipLibrary();
  library.record(numberedFrames({ at: START, count: 20, interval: 1_000 }));
  library.record(numberedFrames({ at: START + 60_000, count: 20, interval: 1_000 }));
  const engine = new FakeEngine();
  const timelapse = await open(library, engine.process, { speed: 60, fps: 10 });
  await read(timelapse, "mkv");
  assertEquals(engine.times.slice(1).map((at) => at - START), [
    ...[0, 6, 12, 18, 60, 66, 72, 78].map((seconds) => seconds * 1_000),
  ]);
  const mark = { label: "layer", before: 0, after: 0, keep: false };
  const marks = [61_500, 70_500].map((ms) => ({ ...mark, at: START + ms }));
  const plan = await planMarks(library, "front", { marks });
  engine.times.length = 0;
  await read(new RenderedClip(library, plan!, { render: engine.process }), "mkv");
  assertEquals(engine.times.slice(1), [START + 62_000, START + 71_000]);
});

Deno.test("a rendered clip leaves out frames that are damaged or cannot be rendered", async () => {
  await using library = new ClipLibrary();
  const frames = numberedFrames({ at: START, count: 10 });
  const segment = library.record(frames);
  const plan = await planPeriod(library, "front", PERIOD);
  using file = Deno.openSync(library.pathOf(segment), { write: true });
  file.seekSync(plan!.pieces[0]!.offsets[3]! + CLUSTER_HEADER, Deno.SeekMode.Start);
  file.writeSync(new Uint8Array(3));
  const engine = new FakeEngine();
  engine.refuse = (_, at) => at === frames[6]!.at ? "progressive JPEG" : undefined;
  const reports: string[] = [];
  const clip = await open(library, engine.process, {
    onDamage: ({ name }) => reports.push(name),
    onRefused: ({ name }, reason) => reports.push(`${name} ${reason}`),
  });
  const times = clustersOf(await read(clip, "mkv")).map(({ time }) => time);
  const kept = frames.filter((_, i) => i !== 3 && i !== 6);
  assertEquals(times, kept.map(({ at }) => at - START));
  assertEquals(reports, [segment.name, `${segment.name} progressive JPEG`]);
});

Deno.test("a rendered clip is refused if its first frame cannot be rendered, or none can be read", async () => {
  await using library = new ClipLibrary();
  const segment = library.record(numberedFrames({ at: START, count: 3 }));
  const engine = new FakeEngine();
  engine.refuse = () => "progressive JPEG";
  const clip = await open(library, engine.process);
  await assertRejects(() => clip.first(), CannotRenderError, "progressive JPEG");
  assertEquals(engine.times.length, 1);
  const { offsets } = (await planPeriod(library, "front", PERIOD))!.pieces[0]!;
  using file = Deno.openSync(library.pathOf(segment), { write: true });
  for (const offset of offsets) {
    file.seekSync(offset + CLUSTER_HEADER, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(3));
  }
  await assertRejects(() => clip.first(), CannotRenderError, "all frames are damaged");
  assertEquals(library.open, 0);
});

Deno.test("a rendered clip is rendered as it is read, and no longer when it is left", async () => {
  await using library = new ClipLibrary();
  library.record(numberedFrames({ at: START, count: 100 }));
  const engine = new FakeEngine();
  const clip = await open(library, engine.process);
  const chunks = clip.read("mjpeg", { size: { width: 4, height: 2 } });
  for (let chunk = 1; chunk <= 10; chunk++) {
    await chunks.next();
    assertEquals(engine.times.length, chunk + 1);
  }
  const gate = Promise.withResolvers<void>();
  engine.wait = () => gate.promise;
  const next = chunks.next(); // the eleventh is ready; now the twelfth is in flight
  await next;
  assertEquals([engine.inFlight, library.open], [1, 1]);
  let left = false;
  const leaving = chunks.return(undefined).then(() => left = true);
  await new Promise((resolve) => setTimeout(resolve));
  assert(!left);
  gate.resolve();
  await leaving;
  assertEquals([engine.inFlight, engine.times.length, library.open], [0, 12, 0]);
  assertLess(engine.maxInFlight, 3);
});

Deno.test("reading a rendered clip fails if rendering fails, or a frame is deleted meanwhile", async () => {
  await using library = new ClipLibrary();
  library.record(numberedFrames({ at: START, count: 10 }));
  const last = library.record(numberedFrames({ at: START + 60_000, count: 10 }));
  const engine = new FakeEngine();
  const clip = await open(library, async (jpeg, at) => {
    if (at > START + 200) throw new Error("no worker");
    return await engine.process(jpeg, at);
  });
  await assertRejects(() => read(clip, "mkv"), Error, "no worker");
  const second = await open(library, engine.process);
  Deno.removeSync(library.pathOf(last));
  await assertRejects(() => read(second, "mkv"), Error, "ENOENT");
  assertEquals(library.open, 0);
});

Deno.test("an MP4 of rendered pictures has their size, and every frame at its recorded time", {
  ignore: Deno.build.os === "windows" || needing("ffmpeg", "ffprobe").ignore,
}, () =>
  leavingNoProcess(async () => {
    await using library = new ClipLibrary();
    const frames = uneven(START, await pictures("640x480", 90));
    const small = await pictures("320x240", 90);
    library.record(frames);
    const { clips } = library;
    const plan = (await clips.plan("front", "mp4", { from: 0, to: Infinity }))!;
    const rendering = await clips.startRendering(plan, (_, capturedAt) => {
      const i = frames.findIndex(({ at }) => at === capturedAt);
      return Promise.resolve({ jpeg: small[i]!, size: { width: 320, height: 240 } });
    });
    assert("render" in rendering);
    const sending = await clips.encode(plan, rendering);
    assert("body" in sending, JSON.stringify(sending));
    const path = await Deno.makeTempFile({ suffix: ".mp4" });
    try {
      await Deno.writeFile(path, sending.body);
      const entries = "stream=width,height:packet=pts_time";
      const args = ["-v", "warning", "-of", "csv=p=0", "-show_entries", entries, path];
      const { stdout } = await new Deno.Command("ffprobe", { args }).output();
      const lines = new TextDecoder().decode(stdout).trim().split("\n");
      assertEquals(lines.pop(), "320,240");
      assertEquals(
        lines.map((time) => Math.round(parseFloat(time) * 1000)),
        frames.map(({ at }) => at - START),
      );
    } finally {
      await Deno.remove(path);
    }
  }));
