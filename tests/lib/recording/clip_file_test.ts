import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import {
  CLUSTER_HEADER,
  HEAD_SIZE,
  readClusterHeader,
  readCues,
  readHead,
} from "../../../lib/matroska/mod.ts";
import { join, readElement } from "../../../lib/matroska/ebml.ts";
import { ClipFile } from "../../../lib/recording/clip_file.ts";
import { type ClipPlan, planPeriod } from "../../../lib/recording/clip_plan.ts";
import {
  type ClipFrame,
  ClipLibrary,
  numberedFrames,
  numberedJpeg,
  START,
} from "./clip_library.ts";

async function read(file: ClipFile, start?: number, end?: number): Promise<Bytes> {
  return join(...await Array.fromAsync(file.read(start, end)));
}

async function plan(
  library: ClipLibrary,
  { from = 0, to = Infinity, speed = 1, fps = Infinity } = {},
) {
  const clip = await planPeriod(library, "front", {
    from,
    to,
    speed,
    fps: isFinite(fps) ? fps : undefined,
  });
  return clip as ClipPlan;
}

/** Walks through the clusters of a Matroska file, and checks the head and the cues. */
function framesOf(mkv: Bytes): ClipFrame[] {
  const { cuesAt, fileSize } = readHead(mkv)!;
  assertEquals(fileSize, mkv.length);
  const frames: ClipFrame[] = [];
  const offsets = new Map<number, number>();
  let at = HEAD_SIZE;
  while (at < cuesAt!) {
    const { time, size } = readClusterHeader(mkv, at)!;
    const jpeg = mkv.subarray(at + CLUSTER_HEADER, at + CLUSTER_HEADER + size);
    const number = new DataView(jpeg.slice(20, 24).buffer).getUint32(0);
    frames.push({ number, time });
    offsets.set(time, at);
    at += CLUSTER_HEADER + size;
  }
  assertEquals(at, cuesAt);
  const cues = readCues(mkv.subarray(cuesAt))!;
  for (const [i, time] of cues.times.entries()) assertEquals(offsets.get(time), cues.offsets[i]);
  return frames;
}

/** Two segments, 10 s apart, of 50 and 30 frames; the first one of other sizes. */
function recordTwo(library: ClipLibrary) {
  const first = numberedFrames({ at: START, count: 50 });
  const second = numberedFrames({ at: START + 12_000, count: 30, first: 50 });
  return {
    first: library.record(first),
    second: library.record(second),
    frames: [...first, ...second],
  };
}

Deno.test("a Matroska clip has the recorded frames at their times, a head and a cue each", async () => {
  await using library = new ClipLibrary();
  const { frames } = recordTwo(library);
  const clip = await plan(library);
  const file = new ClipFile(library, clip, "mkv");
  const mkv = await read(file);
  assertEquals(mkv.length, file.length);
  assertEquals(
    framesOf(mkv),
    frames.map(({ at }, number) => ({ number, time: at - START })),
  );
  const { date, duration, size, cuesAt, writtenBy } = readHead(mkv)!;
  assertEquals([date, size, writtenBy], [START, { width: 4, height: 2 }, "dinocam"]);
  assertEquals(duration, Math.round(13_160 + 13_160 / 79));
  assertEquals(readCues(mkv.subarray(cuesAt))!.times.length, 80);
  assertEquals(library.open, 0);
});

Deno.test("an MJPEG clip is the recorded JPEGs one after another", async () => {
  await using library = new ClipLibrary();
  const { frames } = recordTwo(library);
  const file = new ClipFile(library, await plan(library), "mjpeg");
  const mjpeg = await read(file);
  assertEquals(mjpeg, join(...frames.map(({ jpeg }) => jpeg)));
  assertEquals(file.length, mjpeg.length);
});

Deno.test("every part of a clip has the same bytes as the whole", async () => {
  await using library = new ClipLibrary();
  library.record(numberedFrames({ at: START, count: 3 }));
  library.record(numberedFrames({ at: START + 1000, count: 2, first: 3 }));
  for (const format of ["mkv", "mjpeg"] as const) {
    const file = new ClipFile(library, await plan(library), format);
    const whole = await read(file);
    for (let cut = 0; cut <= whole.length; cut++) {
      assertEquals(await read(file, 0, cut), whole.subarray(0, cut), `0 to ${cut}`);
      assertEquals(await read(file, cut), whole.subarray(cut), `${cut} to the end`);
      const end = Math.min(cut + 10, whole.length);
      assertEquals(await read(file, cut, end), whole.subarray(cut, end), `${cut} to ${end}`);
    }
  }
  assertEquals(library.open, 0);
});

Deno.test("a part of a clip is read without the other segments", async () => {
  await using library = new ClipLibrary();
  const { first } = recordTwo(library);
  const file = new ClipFile(library, await plan(library), "mkv");
  const whole = await read(file);
  Deno.removeSync(library.pathOf(first));
  library.bytesRead = 0;
  const start = whole.length - 5_000;
  assertEquals(await read(file, start), whole.subarray(start));
  assertLess(library.bytesRead, 5_000);
});

Deno.test("a clip reads large frames one by one and small ones in chunks of 1 MiB", async () => {
  await using library = new ClipLibrary();
  const size = (i: number) => i === 10 ? 3_000_000 : 30_000;
  library.record(numberedFrames({ at: START, count: 100, size }));
  const file = new ClipFile(library, await plan(library), "mkv");
  const sizes = (await Array.fromAsync(file.read())).map(({ length }) => length);
  assertEquals(sizes.reduce((a, b) => a + b), file.length);
  assertEquals(sizes.filter((size) => size > 2 ** 20), [3_000_000 + CLUSTER_HEADER]);
  assertLess(sizes.length, 9);
  framesOf(await read(file));
});

Deno.test("a timelapse has frames at even times, and its cues point to them", async () => {
  await using library = new ClipLibrary();
  for (let i = 0; i < 4; i++) {
    library.record(numberedFrames({ at: START + i * 30_000, count: 750, first: i * 750 }));
  }
  const clip = await plan(library, { speed: 60, fps: 10 });
  assertEquals([clip.frames, clip.duration], [20, 2000]);
  const frames = framesOf(await read(new ClipFile(library, clip, "mkv")));
  assertEquals(
    frames,
    Array.from({ length: 20 }, (_, i) => ({ number: i * 150, time: i * 100 })),
  );
});

Deno.test("slow motion has all frames, later", async () => {
  await using library = new ClipLibrary();
  library.record(numberedFrames({ at: START, count: 5 }));
  const clip = await plan(library, { speed: 0.25 });
  assertEquals(clip.duration, 800);
  const frames = framesOf(await read(new ClipFile(library, clip, "mkv")));
  assertEquals(frames.map(({ time }) => time), [0, 160, 320, 480, 640]);
});

Deno.test("a clip has the frames from the first to the last time, both included", async () => {
  await using library = new ClipLibrary();
  library.record(numberedFrames({ at: START, count: 50 }));
  const frames = framesOf(
    await read(
      new ClipFile(library, await plan(library, { from: START + 400, to: START + 520 }), "mkv"),
    ),
  );
  assertEquals(frames, [10, 11, 12, 13].map((number, i) => ({ number, time: i * 40 })));
});

Deno.test("times of a clip rise strictly, also at 240 times the speed", async () => {
  await using library = new ClipLibrary();
  library.record(numberedFrames({ at: START, count: 500, interval: 10 }));
  const clip = await plan(library, { speed: 240 });
  const times = framesOf(await read(new ClipFile(library, clip, "mkv"))).map(({ time }) => time);
  assertEquals(times, Array.from({ length: 500 }, (_, i) => i));
});

Deno.test("a clip of more than 100000 frames has a cue per second", async () => {
  await using library = new ClipLibrary();
  const jpeg = numberedJpeg(0, 40);
  library.record(Array.from({ length: 100_001 }, (_, i) => ({ at: START + i * 20, jpeg })));
  const file = new ClipFile(library, await plan(library), "mkv");
  const mkv = await read(file);
  assertEquals(mkv.length, file.length);
  const { cuesAt } = readHead(mkv)!;
  const { times, offsets } = readCues(mkv.subarray(cuesAt))!;
  assertEquals(times, Uint32Array.from({ length: 2001 }, (_, i) => i * 1000));
  assertEquals(readClusterHeader(mkv, offsets[77])!.time, 77_000);
});

Deno.test("a clip begins with the next segment if the first one has been deleted", async () => {
  await using library = new ClipLibrary();
  const { first } = recordTwo(library);
  Deno.removeSync(library.pathOf(first));
  const clip = await plan(library);
  assertEquals([clip.start, clip.frames], [START + 12_000, 30]);
});

Deno.test("reading a clip fails if a frame is deleted, replaced or cut off meanwhile", async () => {
  for (const change of ["delete", "replace", "cut"]) {
    await using library = new ClipLibrary();
    const { first, second } = recordTwo(library);
    const chunks = new ClipFile(library, await plan(library), "mkv").read();
    await chunks.next(); // the head
    await chunks.next(); // the first segment, which is open
    const path = library.pathOf(second);
    if (change === "delete") Deno.removeSync(path);
    else if (change === "cut") Deno.truncateSync(path, second.bytes / 2);
    else Deno.copyFileSync(library.pathOf(first), path);
    const error: Error = await assertRejects(() => Array.fromAsync(chunks), Error);
    assert(change === "delete" || error.message.startsWith("Cannot read a frame"), error.message);
    assertEquals(library.open, 0, change);
  }
});

Deno.test("a clip leaves out frames that are damaged or that the disk cannot read", async () => {
  await using library = new ClipLibrary();
  const { first, second, frames } = recordTwo(library);
  const clip = await plan(library);
  const { offsets } = clip.pieces[0]!;
  using segment = Deno.openSync(library.pathOf(first), { write: true });
  const damage = (at: number) => {
    segment.seekSync(at, Deno.SeekMode.Start);
    segment.writeSync(new Uint8Array(3));
  };
  damage(offsets[7]! + 5); // a size
  damage(offsets[8]! + CLUSTER_HEADER); // the begin of a JPEG
  library.onRead = (position, bytes) => { // of both segments
    const isBad = position <= offsets[20]! + 50 && position + bytes > offsets[20]! + 50;
    const error = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
    return isBad ? Promise.reject(error) : Promise.resolve();
  };
  const isDamaged = (number: number) => [7, 8, 20, 70].includes(number);
  const damaged: string[] = [];
  const onDamage = ({ name }: { name: string }) => damaged.push(name);

  const mjpeg = await read(new ClipFile(library, clip, "mjpeg", onDamage));
  const expected = frames.map(({ jpeg }, i) => isDamaged(i) ? jpeg.map(() => 0) : jpeg);
  assertEquals(mjpeg, join(...expected));
  assertEquals(damaged, [...Array(3).fill(first.name), second.name]);

  const file = new ClipFile(library, clip, "mkv", onDamage);
  const mkv = await read(file);
  assertEquals(mkv.length, file.length);
  const numbers: number[] = [];
  let at = HEAD_SIZE;
  for (let number = 0; number < 80; number++) {
    const cluster = readClusterHeader(mkv, at);
    if (cluster) numbers.push(number);
    else {
      const { id, end } = readElement(mkv, at)!;
      assertEquals([id, end], [0xec, at + CLUSTER_HEADER + frames[number]!.jpeg.length]);
    }
    at += CLUSTER_HEADER + frames[number]!.jpeg.length;
  }
  assertEquals(numbers, frames.map((_, i) => i).filter((number) => !isDamaged(number)));

  library.onRead = () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }));
  await assertRejects(() => read(file), Error, "EIO"); // the disk is gone
});

Deno.test("a clip that is left early closes its segment", async () => {
  await using library = new ClipLibrary();
  recordTwo(library);
  const chunks = new ClipFile(library, await plan(library), "mkv").read();
  await chunks.next();
  await chunks.next();
  assertEquals(library.open, 1);
  await chunks.return(undefined);
  assertEquals(library.open, 0);
});
