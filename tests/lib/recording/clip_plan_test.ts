import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { MAX_CLIP_FRAMES, planMarks, planPeriod } from "../../../lib/recording/clip_plan.ts";
import type { FrameRange } from "../../../lib/recording/library.ts";
import { ClipLibrary, numberedFrames, START } from "./clip_library.ts";

function marksAt(...times: number[]) {
  return times.map((at) => ({ at, label: "layer", before: 0, after: 0, keep: false }));
}

/** The segment's frames of a plan, found by their offsets; all have the same size. */
function framesOf(
  clip: { pieces: readonly { first: number; offsets: Uint32Array }[] },
  size: number,
): number[] {
  return clip.pieces.flatMap(({ offsets }) =>
    [...offsets].map((offset) => Math.floor(offset / size))
  );
}

const size = () => 977; // 1000 bytes with the header

Deno.test("a clip of marks has the first frame at or after each mark", async () => {
  await using library = new ClipLibrary();
  library.record(numberedFrames({ at: START, count: 100, size }));
  library.record(numberedFrames({ at: START + 10_000, count: 100, size }));
  const marks = marksAt(START - 5, START + 40, START + 41, START + 5_000, START + 10_001);
  const clip = await planMarks(library, "front", { marks, fps: 10 });
  assertEquals(clip!.pieces.map(({ first }) => first), [0, 3]);
  assertEquals(framesOf(clip!, 1000), [0, 1, 2, 0, 1]);
  assertEquals(clip!.pieces.flatMap(({ times }) => [...times]), [0, 100, 200, 300, 400]);
  assertEquals([clip!.frames, clip!.duration, clip!.start], [5, 500, START]);
});

Deno.test("a clip of marks repeats a frame that is the first one after several marks", async () => {
  await using library = new ClipLibrary();
  library.record(numberedFrames({ at: START, count: 10, interval: 5_000, size }));
  const marks = marksAt(START + 1, START + 2, START + 5_000);
  const clip = await planMarks(library, "front", { marks });
  assertEquals(framesOf(clip!, 1000), [1, 1, 1]);
  assertEquals([...clip!.pieces[0]!.times], [0, 40, 80]);
});

Deno.test("a clip of marks leaves out marks without a frame in the hour after them", async () => {
  await using library = new ClipLibrary();
  library.record(numberedFrames({ at: START, count: 10, size }));
  library.record(numberedFrames({ at: START + 7_200_000, count: 10, size }));
  const marks = marksAt(START, START + 1_000, START + 3_600_000, START + 7_200_400);
  const clip = await planMarks(library, "front", { marks });
  assertEquals(clip!.frames, 2);
  assertEquals(await planMarks(library, "front", { marks: marksAt(START + 1_000) }), undefined);
  assertEquals(await planMarks(library, "front", { marks: [] }), undefined);
});

/** A day at 30 fps that exists in no file, except for the head of a segment. */
function longRecording(library: ClipLibrary, minutes: number) {
  const segment = library.record(numberedFrames({ at: START, count: 1 }));
  return {
    openFile: () => library.openFile(segment),
    async *frames(): AsyncGenerator<FrameRange> {
      for (let minute = 0; minute < minutes; minute++) {
        const index = {
          length: 1800,
          time: (frame: number) => Math.round(frame * 100 / 3),
          offset: (frame: number) => 200 + frame * 60_023,
          endOffset: (frame: number) => 200 + (frame + 1) * 60_023,
        };
        const start = START + minute * 60_000;
        yield await Promise.resolve({
          segment: { ...segment, start },
          index,
          first: 0,
          last: 1799,
        });
      }
    },
  };
}

const DAY = { from: START, to: START + 86_400_000, fps: undefined };

Deno.test("a plan takes 12 bytes per frame: a day at 30 fps takes 31 MB", async () => {
  await using library = new ClipLibrary();
  const clip = await planPeriod(longRecording(library, 1440), "front", { ...DAY, speed: 1 });
  assertEquals(clip!.frames, 2_592_000);
  assertEquals(clip!.bytes, 2_592_000 * 60_000);
  assertEquals(clip!.duration, 86_400_000);
  const bytes = clip!.pieces.reduce(
    (sum, { offsets, sizes, times }) =>
      sum + offsets.buffer.byteLength + sizes.buffer.byteLength + times.buffer.byteLength,
    0,
  );
  assertLess(bytes, 12 * clip!.frames + 1);
});

Deno.test("a timelapse of a day keeps memory only for its own frames", async () => {
  await using library = new ClipLibrary();
  const clip = await planPeriod(longRecording(library, 1440), "front", {
    ...DAY,
    speed: 3600,
    fps: 30,
  });
  assertEquals([clip!.frames, clip!.duration], [720, 24_000]);
  const frames = clip!.pieces.reduce((sum, { times }) => sum + times.buffer.byteLength / 4, 0);
  assertEquals(frames, 720);
});

Deno.test("a clip with too many frames, or of more than 49 days, is refused in words", async () => {
  await using library = new ClipLibrary();
  const minutes = MAX_CLIP_FRAMES / 1800 + 1;
  const error: RangeError = await assertRejects(
    () => planPeriod(longRecording(library, minutes), "front", { ...DAY, speed: 1 }),
    RangeError,
  );
  assertEquals(
    error.message,
    "Cannot make a clip of more than 3000000 frames: shorten it, or lower fps",
  );
  const slow: RangeError = await assertRejects(
    () => planPeriod(longRecording(library, 2), "front", { ...DAY, speed: 1e-5 }),
    RangeError,
  );
  assertEquals(slow.message, "Cannot make a clip of more than 49 days: give a higher speed");
});
