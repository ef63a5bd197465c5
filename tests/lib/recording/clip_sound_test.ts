import { assert, assertEquals, assertLess } from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { join } from "../../../lib/matroska/ebml.ts";
import {
  CLUSTER_HEADER,
  readClusterHeader,
  readCues,
  readHead,
  TRACK,
} from "../../../lib/matroska/mod.ts";
import { ClipFile } from "../../../lib/recording/clip_file.ts";
import type { ClipQuery } from "../../../lib/recording/mod.ts";
import { ClipLibrary, numberedFrames, numberedSound, START } from "./clip_library.ts";

const ALL = { from: 0, to: Infinity };
const RATE = 8_000;

async function clipOf(library: ClipLibrary, query: ClipQuery = ALL): Promise<Bytes> {
  const { clips } = library;
  const plan = (await clips.plan("front", "mkv", query))!;
  const bytes = join(...await Array.fromAsync(new ClipFile(library, plan, "mkv").read()));
  assertEquals((await clips.file(plan, "mkv")).length, bytes.length);
  assertEquals(library.open, 0);
  return bytes;
}

/** What a clip contains: times in milliseconds since its start. */
interface Content {
  readonly frames: number[];
  readonly sound: { readonly time: number; readonly samples: number[] }[];
  readonly duration: number;
}

/** Walks through the clusters of a clip, and checks its head and its cues. */
function contentOf(mkv: Bytes): Content {
  const { cuesAt, fileSize, length, duration } = readHead(mkv)!;
  assertEquals(fileSize, mkv.length);
  const content: Content = { frames: [], sound: [], duration };
  const offsets: number[] = [];
  let at = length;
  while (at < cuesAt!) {
    const { time, size, track } = readClusterHeader(mkv, at)!;
    const data = mkv.slice(at + CLUSTER_HEADER, at + CLUSTER_HEADER + size);
    if (track === TRACK.VIDEO) {
      content.frames.push(time);
      offsets.push(at);
    } else content.sound.push({ time, samples: [...new Uint16Array(data.buffer)] });
    at += CLUSTER_HEADER + size;
  }
  assertEquals(at, cuesAt);
  const cues = readCues(mkv.subarray(cuesAt))!;
  assertEquals([...cues.times], content.frames);
  assertEquals([...cues.offsets], offsets);
  assert([...cues.tracks].every((track) => track === TRACK.VIDEO));
  return content;
}

/**
 * Checks that each sample is at the time at which it was recorded.
 *
 * @param start Start of the clip, in milliseconds since START.
 * @returns The periods with sound, in milliseconds since the start of the clip.
 */
function heard({ sound }: Content, start = 0, rate = RATE): [from: number, to: number][] {
  const periods: [number, number][] = [];
  for (const { time, samples } of sound) {
    for (const [i, sample] of samples.entries()) {
      assertEquals(sample, (Math.round((start + time) * rate / 1000) + i) % 65_536);
    }
    const end = time + samples.length * 1000 / rate;
    if (periods.at(-1)?.[1] === time) periods.at(-1)![1] = end;
    else periods.push([time, end]);
  }
  return periods;
}

Deno.test("a clip has the sound from its first frame to its end", async () => {
  await using library = new ClipLibrary();
  const sound = numberedSound({ from: START + 10, to: START + 4_060 });
  library.record(numberedFrames({ at: START, count: 100 }), { sound });
  const whole = contentOf(await clipOf(library));
  assertEquals([whole.frames.length, whole.duration], [100, 4_000]);
  assertEquals(heard(whole), [[10, 4_000]]);
  for (const begin of [400, 970, 1_010, 1_033]) {
    const part = contentOf(await clipOf(library, { from: START + begin, to: START + 2_100 }));
    const first = Math.ceil(begin / 40) * 40;
    assertEquals(heard(part, first), [[0, part.duration]]);
    assertEquals(first + part.duration, 2_120);
  }
});

Deno.test("a clip with sound has the same bytes in every part as in the whole", async () => {
  await using library = new ClipLibrary();
  for (const [i, at] of [START, START + 1_000].entries()) {
    const sound = numberedSound({ from: at + 3, to: at + 170, length: 20 });
    library.record(numberedFrames({ at, count: 4, first: i * 4 }), { sound });
  }
  const query = { from: START + 1, to: START + 1_090 };
  const whole = await clipOf(library, query);
  const plan = (await library.clips.plan("front", "mkv", query))!;
  const file = new ClipFile(library, plan, "mkv");
  const read = async (start: number, end: number) =>
    join(...await Array.fromAsync(file.read(start, end)));
  for (let cut = 0; cut <= whole.length; cut++) {
    assertEquals(await read(0, cut), whole.subarray(0, cut), `0 to ${cut}`);
    const end = Math.min(cut + 10, whole.length);
    assertEquals(await read(cut, end), whole.subarray(cut, end), `${cut} to ${end}`);
  }
  assertEquals(library.open, 0);
});

Deno.test("sound goes on across segments, and stops where nothing is recorded", async () => {
  await using library = new ClipLibrary();
  // The last sound of a segment is heard when the next one has begun.
  library.record(numberedFrames({ at: START, count: 50 }), {
    sound: numberedSound({ from: START, to: START + 2_060 }),
  });
  library.record(numberedFrames({ at: START + 2_000, count: 50 }), {
    sound: numberedSound({ from: START + 2_060, to: START + 4_060 }),
  });
  library.record(numberedFrames({ at: START + 10_000, count: 50 }), {
    sound: numberedSound({ from: START + 10_020, to: START + 12_020 }),
  });
  const clip = contentOf(await clipOf(library));
  assertEquals(heard(clip), [[0, 4_060], [10_020, 12_020]]);
  assertEquals([clip.frames[50], clip.frames[100]], [2_000, 10_000]);
});

Deno.test("where the clock was set back, no sound is heard twice", async () => {
  await using library = new ClipLibrary();
  library.record(numberedFrames({ at: START, count: 25 }), {
    sound: numberedSound({ from: START, to: START + 1_500 }),
  });
  library.record(numberedFrames({ at: START + 1_000, count: 25 }), {
    sound: numberedSound({ from: START + 1_030, to: START + 2_030 }),
  });
  assertEquals(heard(contentOf(await clipOf(library))), [[0, 2_000]]);
});

Deno.test("segments without sound, or with another rate, are silent in a clip", async () => {
  await using library = new ClipLibrary();
  const second = (i: number, rate?: number) => {
    const at = START + i * 1_000;
    const sound = rate ? numberedSound({ from: at, to: at + 1_000, rate }) : undefined;
    library.record(numberedFrames({ at, count: 25, first: i * 25 }), { sound });
  };
  for (const [i, rate] of [undefined, RATE, 16_000, undefined, RATE].entries()) second(i, rate);
  const bytes = await clipOf(library);
  assertEquals(readHead(bytes)!.sound, { rate: RATE });
  const clip = contentOf(bytes);
  assertEquals(clip.frames, Array.from({ length: 125 }, (_, i) => i * 40));
  assertEquals(heard(clip), [[1_000, 2_000], [4_000, 5_000]]);
});

Deno.test("a clip with fewer frames per second has all of the sound", async () => {
  await using library = new ClipLibrary();
  for (let i = 0; i < 3; i++) {
    const at = START + i * 1_000;
    const sound = numberedSound({ from: at, to: at + 1_000 });
    library.record(numberedFrames({ at, count: 25, first: i * 25 }), { sound });
  }
  const clip = contentOf(await clipOf(library, { ...ALL, fps: 0.5 }));
  assertEquals([clip.frames, clip.duration], [[0, 2_000], 4_000]);
  assertEquals(heard(clip), [[0, 3_000]]);
});

Deno.test("a clip of another speed, of marks, or in MJPEG has no sound", async () => {
  await using library = new ClipLibrary();
  const frames = numberedFrames({ at: START, count: 100 });
  library.record(frames, { sound: numberedSound({ from: START, to: START + 4_000 }) });
  library.marks.push({ at: START + 50, label: "layer", before: 0, after: 0, keep: false });
  for (const query of [{ ...ALL, speed: 2 }, { ...ALL, speed: 0.5 }, { ...ALL, marks: "layer" }]) {
    const bytes = await clipOf(library, query);
    assertEquals([readHead(bytes)!.sound, contentOf(bytes).sound], [undefined, []]);
  }
  const plan = (await library.clips.plan("front", "mjpeg", ALL))!;
  const before = library.bytesRead;
  const mjpeg = join(...await Array.fromAsync(new ClipFile(library, plan, "mjpeg").read()));
  assertEquals(mjpeg, join(...frames.map(({ jpeg }) => jpeg)));
  assertLess(library.bytesRead - before, 2 * 64_000 + mjpeg.length + 100 * CLUSTER_HEADER);
});

Deno.test("a clip without sound is the same whether or not its segments could have sound", async () => {
  const frames = numberedFrames({ at: START, count: 30 });
  const clips: Bytes[] = [];
  const tags: string[] = [];
  for (const sound of [undefined, { rate: RATE, clusters: [] }]) {
    await using library = new ClipLibrary();
    library.record(frames, { sound });
    clips.push(await clipOf(library));
    const plan = (await library.clips.plan("front", "mkv", ALL))!;
    tags.push((await library.clips.file(plan, "mkv")).etag);
  }
  assertEquals(clips[0], clips[1]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", clips[0]!)).toHex();
  // As before there was sound.
  assertEquals(digest, "0c5c8f4161d50be288ce226b9d3ca31534f7a9b30a2d4a71bd987b0f81603e14");
  assertEquals(tags[0], '"65-s7EgDXretfYd/6ZhhLeNr34vMKS"');
});

Deno.test("the entity tag depends on the sound", async () => {
  const tags = new Set<string>();
  for (const to of [1_000, 1_100, 1_200]) {
    for (const rate of [RATE, 16_000]) {
      await using library = new ClipLibrary();
      const sound = numberedSound({ from: START, to: START + to, rate });
      library.record(numberedFrames({ at: START, count: 30 }), { sound });
      const plan = (await library.clips.plan("front", "mkv", ALL))!;
      tags.add((await library.clips.file(plan, "mkv")).etag);
    }
  }
  assertEquals(tags.size, 6);
});

Deno.test("damaged sound is left out of a clip", async () => {
  await using library = new ClipLibrary();
  const sound = numberedSound({ from: START, to: START + 1_000 });
  const segment = library.record(numberedFrames({ at: START, count: 25 }), { sound });
  const plan = (await library.clips.plan("front", "mkv", ALL))!;
  const [piece] = plan.pieces;
  const third = [...piece!.tracks!.keys()].filter((i) => piece!.tracks![i] === TRACK.SOUND)[2]!;
  {
    using file = Deno.openSync(library.pathOf(segment), { write: true });
    file.seekSync(piece!.offsets[third]! + 4, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(3));
  }
  const damaged: string[] = [];
  const file = new ClipFile(library, plan, "mkv", ({ name }) => damaged.push(name));
  const bytes = join(...await Array.fromAsync(file.read()));
  assertEquals([bytes.length, damaged], [file.length, [segment.name]]);
  const clusters = piece!.tracks!.length;
  let [at, voids] = [readHead(bytes)!.length, 0];
  for (let i = 0; i < clusters; i++) {
    if (readClusterHeader(bytes, at) === undefined) voids++;
    at += CLUSTER_HEADER + piece!.sizes[i]!;
  }
  assertEquals([voids, at], [1, readHead(bytes)!.cuesAt]);
});
