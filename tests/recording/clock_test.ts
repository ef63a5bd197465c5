import { assertEquals, assertLessOrEqual } from "@std/assert";
import { withFolder } from "../clients/client.ts";
import { figure } from "../faults/figures.ts";
import { DAY } from "./archive.ts";
import { RecordingInProcess, SteppedClock } from "./in_process.ts";
import { numberOf } from "./numbered_jpeg.ts";
import { readRecording, type RecordedFrame } from "./recording_server.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 27, 5, 59, 50);

for (
  const [name, step] of [
    ["an hour forward", HOUR],
    ["an hour back", -HOUR],
    ["ten years back", -10 * 365 * DAY],
    ["ten years forward", 10 * 365 * DAY],
    ["12 seconds back", -12_000],
  ] as const
) {
  Deno.test(`no frame is lost or overwritten when the clock is set ${name}`, async () => {
    await withFolder(async (root) => {
      const clock = new SteppedClock(START);
      {
        await using recording = await RecordingInProcess.start(root, clock);
        await recording.record(250, 100);
        clock.step += step;
        await recording.record(250, 100);
        clock.step -= step;
        await recording.record(250, 100);
        const { dropped, state } = recording.recorder.status();
        assertEquals([dropped, state], [0, "recording"]);
      }
      const { frames, open, files } = await readRecording(root);
      figure(`clock set ${name}: frames and segments`, `${frames.length} and ${files.length}`);
      assertEquals(open, []);
      assertEquals(numbersOf(frames), Array.from({ length: 750 }, (_, i) => i));
      for (const { number, at } of frames) {
        const expected = START + number * 100 + (number >= 250 && number < 500 ? step : 0);
        assertLessOrEqual(Math.abs(at - expected), 500, `time of frame ${number}`);
      }
    });
  });
}

Deno.test("an hour that was recorded twice is listed twice, and the later one is played", async () => {
  await withFolder(async (root) => {
    const clock = new SteppedClock(START);
    await using recording = await RecordingInProcess.start(root, clock);
    await recording.record(250, 100);
    clock.step -= 25_000;
    await recording.record(250, 100);
    const { library } = recording;
    const { spans } = await library.timeline("front", START - 1_000, START + 60_000);
    assertEquals(spans.map(({ frames }) => frames), [250, 250]);
    await using cursor = library.cursor("front");
    await cursor.seek(START + 10_050, "before");
    assertEquals(numberOf((await cursor.read())!), 250 + 100);
  });
});

for (
  const [name, night] of [
    ["begins", Date.UTC(2026, 2, 29, 0, 59, 40)], // 02:00 becomes 03:00 in Central Europe
    ["ends", Date.UTC(2026, 9, 25, 0, 59, 40)], // 03:00 becomes 02:00
  ] as const
) {
  Deno.test(`recording goes on in the night when summer time ${name}`, async () => {
    await withFolder(async (root) => {
      const clock = new SteppedClock(night);
      {
        await using recording = await RecordingInProcess.start(root, clock);
        await recording.record(400, 100);
      }
      const { frames, files } = await readRecording(root);
      assertEquals(files.length, 2); // a new segment at the minute
      assertEquals(frames.map(({ at }) => at), frames.map((_, i) => night + i * 100));
      assertEquals(frames.length, 400);
    });
  });
}

function numbersOf(frames: readonly RecordedFrame[]): number[] {
  return frames.map(({ number }) => number).sort((a, b) => a - b);
}
