import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import {
  CLUSTER_HEADER,
  HEAD_SIZE,
  MAX_HEAD_SIZE,
  readClusterHeader,
  readHead,
  TRACK,
} from "../../../lib/matroska/mod.ts";
import type { DiskFile } from "../../../lib/recording/disk.ts";
import { repair } from "../../../lib/recording/repair.ts";
import type { Segment, SegmentIndex } from "../../../lib/recording/segment.ts";
import type { SegmentLibrary } from "../../../lib/recording/segment_library.ts";
import { readSegment } from "../../../lib/recording/segment_reader.ts";
import { clusterDuration } from "../../../lib/recording/sound_clusters.ts";
import { thin } from "../../../lib/recording/thin.ts";
import { ManualClock } from "../../manual_clock.ts";
import { every, Recordings, samplesFor, SOUND_RATE, START } from "./recordings.ts";
import { type FileContent, numberOf, parseSegment } from "./segment_files.ts";

const MINUTE = 60_000;
/** A second and a half of sound between ten frames. */
const WRITTEN = { start: START, times: every(150, 10), bytes: 90, sound: every(100, 15) };

Deno.test("a segment with sound is read by its cues, and cluster by cluster", async () => {
  await using recordings = new Recordings();
  const torn = await recordings.writeTorn(WRITTEN);
  const unclosed = await readFile(recordings, torn);
  const segment = await recordings.write({ ...WRITTEN, start: START + MINUTE });
  const closed = await readFile(recordings, recordings.path(segment));
  assertEquals([unclosed.isComplete, closed.isComplete], [false, true]);
  assertEquals(closed.head.length, MAX_HEAD_SIZE);
  for (const { index, bytes } of [unclosed, closed]) {
    const { sound } = index;
    assertEquals([index.length, sound?.length, sound?.rate], [10, 15, SOUND_RATE]);
    for (let frame = 0; frame < 10; frame++) {
      const size = index.endOffset(frame) - index.offset(frame);
      assertEquals([index.time(frame), size], [frame * 150, CLUSTER_HEADER + 90]);
      const { time, track } = readClusterHeader(bytes, index.offset(frame))!;
      assertEquals([time, track], [frame * 150, TRACK.VIDEO]);
    }
    for (let cluster = 0; cluster < 15; cluster++) {
      assertEquals([sound!.time(cluster), clusterDuration(sound!, cluster)], [cluster * 100, 100]);
      const end = sound!.endOffset(cluster);
      const samples = bytes.slice(sound!.offset(cluster) + CLUSTER_HEADER, end);
      assertEquals(samples, samplesFor(cluster * 100));
    }
  }
  assertEquals(closed.head.duration, 1_500);
  assertEquals(segment.end, START + MINUTE + 1_350);
});

Deno.test("a segment whose sound outlasts its frames has the duration of the sound", async () => {
  await using recordings = new Recordings();
  const segment = await recordings.write({ ...WRITTEN, sound: every(100, 40) });
  assertEquals(readHead(Deno.readFileSync(recordings.path(segment)))!.duration, 4_000);
  const path = await recordings.writeTorn({ ...WRITTEN, start: START + 1, sound: every(100, 40) });
  const repaired = await repair(recordings.disk, path);
  assertEquals(repaired!.head.duration, 4_000);
});

Deno.test("repair keeps whole frames and whole sound of a file cut at any byte", async () => {
  await using recordings = new Recordings();
  const path = await recordings.writeTorn({
    ...WRITTEN,
    times: every(150, 4),
    sound: [0, 100, 200],
  });
  const bytes = await Deno.readFile(path);
  const whole = parseSegment(bytes);
  const sizes = clusterEnds(bytes);
  for (let size = 0; size < bytes.length; size += size < 400 || size > 5_000 ? 1 : 7) {
    await Deno.writeFile(path, bytes.subarray(0, size));
    const repaired = await repair(recordings.disk, path);
    const kept = sizes.filter(({ end }) => end <= size);
    const frames = kept.filter(({ track }) => track === TRACK.VIDEO).length;
    assertEquals(repaired?.index.length, frames || undefined, `${size} bytes`);
    if (!repaired) continue;
    const content = parseSegment(await Deno.readFile(path));
    assert(content.isComplete);
    assertEquals(content.frames, whole.frames.slice(0, frames));
    assertEquals(content.sound, whole.sound.slice(0, kept.length - frames));
    assertEquals(repaired.cut, size - (kept.at(-1)?.end ?? 0));
    assertEquals(indexOf(repaired.index), indexOf((await readFile(recordings, path)).index));
  }
});

Deno.test("repair completes a file with sound as its recorder would have", async () => {
  await using recordings = new Recordings();
  const closed = await Deno.readFile(recordings.path(await recordings.write(WRITTEN)));
  const { cuesAt } = readHead(closed)!;
  const path = await recordings.writeTorn({ ...WRITTEN, number: 1 });
  const unclosed = await Deno.readFile(path);
  assertEquals(unclosed.length, cuesAt);
  for (const rest of [0, 1, 100, closed.length - cuesAt! - 1]) {
    const cues = closed.subarray(cuesAt, cuesAt! + rest);
    await Deno.writeFile(path, new Uint8Array([...unclosed, ...cues]));
    await repair(recordings.disk, path);
    assertEquals(await Deno.readFile(path), closed);
  }
});

Deno.test("readSegment walks a file with sound whose cues are damaged", async () => {
  await using recordings = new Recordings();
  const segment = await recordings.write(WRITTEN);
  const path = recordings.path(segment);
  const bytes = await Deno.readFile(path);
  for (let at = readHead(bytes)!.cuesAt!; at < bytes.length; at += 3) {
    const damaged = bytes.slice();
    damaged[at]! ^= 0x55;
    await Deno.writeFile(path, damaged);
    const { index } = await readFile(recordings, path);
    const found = [index.length, index.sound!.length, index.offset(0)];
    assertEquals(found, [10, 15, MAX_HEAD_SIZE], `byte ${at}`);
  }
});

Deno.test("readSegment stops at sound in a file without a sound track", async () => {
  await using recordings = new Recordings();
  const path = await recordings.writeTorn({ ...WRITTEN, sound: undefined });
  const other = await recordings.writeTorn({ ...WRITTEN, start: START + 1 });
  const [silent, clusters] = [await Deno.readFile(path), await Deno.readFile(other)];
  const sound = clusters.subarray(MAX_HEAD_SIZE);
  await Deno.writeFile(path, new Uint8Array([...silent.subarray(0, HEAD_SIZE), ...sound]));
  const { index } = await readFile(recordings, path);
  assertEquals([index.length, index.sound], [1, undefined]); // until the first sound
});

Deno.test("readSegment reads little of a large file with sound that was not closed", async () => {
  await using recordings = new Recordings();
  const times = every(40, 500);
  const path = await recordings.writeTorn({
    ...WRITTEN,
    times,
    bytes: 50_000,
    sound: every(100, 200),
  });
  const file = await recordings.disk.open(path, "read");
  let read = 0;
  const counted: DiskFile = {
    ...file,
    size: () => file.size(),
    readAt: async (at, into) => {
      read += into.length;
      return await file.readAt(at, into);
    },
  };
  const { index } = await readSegment(counted);
  await file.close();
  assertEquals([index.length, index.sound!.length], [500, 200]);
  assertLess(read, Deno.statSync(path).size / 20);
});

Deno.test("thin() drops the sound", async () => {
  await using recordings = new Recordings();
  const segment = await recordings.write(WRITTEN);
  const library = await recordings.open();
  const clock = new ManualClock();
  const replacement = { commit: () => {}, [Symbol.dispose]: () => {} };
  let isDone = false;
  const thinning = thin(segment, {
    ...{ fps: 1, root: recordings.root, disk: recordings.disk, library, clock },
    storage: { replace: () => Promise.resolve(replacement) },
    signal: new AbortController().signal,
  }).finally(() => isDone = true);
  while (!isDone) await clock.advance(1_000);
  const thinned = await thinning;
  const content = parseSegment(await Deno.readFile(recordings.path(segment)));
  assertEquals([content.head.sound, content.sound], [undefined, []]);
  assertEquals(content.frames.map(({ jpeg }) => numberOf(jpeg)), [0, 7]);
  assertEquals(await soundOf(library), []);
  assertLess(thinned.bytes, segment.bytes);
});

Deno.test("a library repairs segments with sound, and cursors read their frames", async () => {
  await using recordings = new Recordings();
  const torn = await recordings.writeTorn(WRITTEN);
  await Deno.truncate(torn, Deno.statSync(torn).size - 1);
  const library = await recordings.open();
  const content: FileContent = parseSegment(await Deno.readFile(torn));
  assertEquals([content.isComplete, content.frames.length, content.sound.length], [true, 10, 14]);
  await using cursor = library.cursor("front");
  for (let frame = 0; frame < 10; frame++) {
    const ref = (await cursor.step(1))!;
    assertEquals([ref.at, ref.size], [START + frame * 150, 90]);
    assertEquals(await cursor.read(), content.frames[frame]!.jpeg);
  }
  assertEquals(await cursor.step(1), undefined);
  await library[Symbol.asyncDispose](); // writes the index of the day
  assertEquals(library.totalBytes, recordings.size);
});

Deno.test("Library.sounds yields the clusters of a period, across segments", async () => {
  await using recordings = new Recordings();
  for (const start of [0, 2_000]) {
    // The sound of the first one reaches to the start of the second one.
    await recordings.write({ start: START + start, sound: every(100, 20) });
  }
  await recordings.write({ start: START + 4_000 }); // without sound
  const library = await recordings.open();
  const all = [...every(100, 40)];
  assertEquals(await soundOf(library), all);
  assertEquals(await soundOf(library, 950, 1_200), [900, 1_000, 1_100, 1_200]);
  assertEquals(await soundOf(library, 1_000, 1_099), [1_000]);
  assertEquals(await soundOf(library, 1_950, 2_050), [1_900, 2_000]);
  assertEquals(await soundOf(library, 3_950, 9_000), [3_900]);
  assertEquals(await soundOf(library, 4_000, 9_000), []);
  assertEquals(await soundOf(library, -9_000, -1), []);
  assertEquals(await soundOf(library, -Infinity, Infinity), all);
});

Deno.test("Library.sounds yields the sound after the last frame, up to the next segment", async () => {
  await using recordings = new Recordings();
  await recordings.write({ start: START, times: [0, 100], sound: every(100, 50) });
  await recordings.write({ start: START + 3_000, times: [0, 100], sound: every(100, 2) });
  const library = await recordings.open();
  assertEquals(await soundOf(library), [...every(100, 30), 3_000, 3_100]);
  assertEquals(await soundOf(library, 2_000, 2_500), every(100, 6).map((time) => 2_000 + time));
});

Deno.test("Library.sounds yields the sound of an open segment, and goes on with it closed", async () => {
  await using recordings = new Recordings();
  const library = await recordings.open();
  const writer = await recordings.writeOpen({ start: START, sound: every(100, 20) });
  library.add(writer.segment);
  assertEquals(await soundOf(library), every(100, 20));
  await writer.append([{ at: START + 2_000, samples: samplesFor(2_000) }]);
  assertEquals(await soundOf(library), every(100, 21));
  await library.replace(writer.segment, (await writer.close())!);
  assertEquals(await soundOf(library), every(100, 21));
});

Deno.test("Library.sounds yields what is played where the clock was set back", async () => {
  await using recordings = new Recordings();
  await recordings.write({ start: START, times: every(100, 100), sound: every(100, 100) });
  await recordings.write({ start: START + 5_050, times: every(100, 20), sound: every(100, 20) });
  const library = await recordings.open();
  const expected = [
    ...every(100, 51),
    ...every(100, 20).map((time) => 5_050 + time),
    ...every(100, 30).map((time) => 7_000 + time),
  ];
  assertEquals(await soundOf(library), expected);
});

/** The times of all clusters of sound that a library finds, read from their files. */
async function soundOf(library: SegmentLibrary, from = 0, to = 10_000): Promise<number[]> {
  const times: number[] = [];
  for await (const range of library.sounds("front", START + from, START + to)) {
    const { segment, sound, first, last } = range;
    assertEquals(sound.rate, SOUND_RATE);
    const bytes = await contentOf(library, segment);
    for (let cluster = first; cluster <= last; cluster++) {
      const { time, track } = readClusterHeader(bytes, sound.offset(cluster))!;
      assertEquals([time, track], [sound.time(cluster), TRACK.SOUND]);
      times.push(segment.start + time - START);
    }
  }
  return times;
}

async function contentOf(library: SegmentLibrary, segment: Segment): Promise<Bytes> {
  const file = await library.openFile(segment);
  try {
    const bytes = new Uint8Array(await file.size());
    assertGreater(await file.readAt(0, bytes), 0);
    return bytes;
  } finally {
    await file.close();
  }
}

async function readFile({ disk }: Recordings, path: string) {
  const file = await disk.open(path, "read");
  try {
    return { ...await readSegment(file), bytes: await Deno.readFile(path) };
  } finally {
    await file.close();
  }
}

function indexOf(index: SegmentIndex) {
  const list = (clusters: Omit<SegmentIndex, "sound">) =>
    Array.from({ length: clusters.length }, (_, i) => [
      clusters.time(i),
      clusters.offset(i),
      clusters.endOffset(i),
    ]);
  return { frames: list(index), sound: list(index.sound!) };
}

/** Returns the track of each cluster, and where it ends. */
function clusterEnds(bytes: Bytes): { track: number; end: number }[] {
  const ends: { track: number; end: number }[] = [];
  let at = MAX_HEAD_SIZE;
  for (let found; (found = readClusterHeader(bytes, at));) {
    at += CLUSTER_HEADER + found.size;
    ends.push({ track: found.track, end: at });
  }
  return ends;
}
