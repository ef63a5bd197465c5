import { assertEquals, assertMatch } from "@std/assert";
import type { CameraStats } from "../../../lib/camera/stats.ts";
import { createLog } from "../../../lib/log.ts";
import { ActiveRecording } from "../../../lib/recording/active_recording.ts";
import type { Library } from "../../../lib/recording/library.ts";
import type { Marks } from "../../../lib/recording/marks.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

/** A recording of the cameras "front" and "back" whose parts only note what is done with them. */
function setUp({ capacity = 3.6e9 } = {}) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const done: string[] = [];
  const reading = { failures: 0, finished: Promise.resolve() };
  const rates = { front: 0, back: 0 };
  const library = {
    async start() {
      done.push("read");
      if (reading.failures-- > 0) throw new Error("input/output error");
      await reading.finished;
    },
  } as Library & { start(): Promise<void> };
  const cameras = (["front", "back"] as const).map((name) => ({
    camera: { name, stats: () => ({ fps: 30 } as CameraStats) },
    recorder: {
      start: () => void done.push(`record ${name}`),
      status: () => ({
        state: "recording" as const,
        since: 7,
        frames: 1,
        dropped: 0,
        bytesPerSecond: rates[name],
      }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  }));
  const recording = new ActiveRecording({
    library,
    marks: {} as Marks,
    storage: { capacity },
    cameras,
    retention: undefined,
    startRetention: () => void done.push("retain"),
    summary: "Recording front, back",
    clock,
    log: createLog({ clock, write: (line) => lines.push(line) }),
  });
  return { clock, recording, reading, rates, done, lines };
}

Deno.test("ActiveRecording records when the folder has been read", async () => {
  const { clock, recording, reading, done } = setUp();
  const finished = Promise.withResolvers<void>();
  reading.finished = finished.promise;
  recording.start();
  await settle();
  assertEquals(done, ["read"]);
  assertEquals(recording.status("front"), {
    state: "waiting",
    since: clock.now(),
    frames: 0,
    dropped: 0,
    bytesPerSecond: 0,
  });
  finished.resolve();
  await settle();
  assertEquals(done, ["read", "record front", "record back", "retain"]);
  assertEquals(recording.status("front").since, 7);
  assertEquals(recording.status("side").state, "off");
  await recording[Symbol.asyncDispose]();
});

Deno.test("ActiveRecording reads the folder again as long as the disk fails", async () => {
  const { clock, recording, reading, done, lines } = setUp();
  reading.failures = 3;
  recording.start();
  await clock.advance(29_999);
  assertEquals(done, ["read", "read", "read"]);
  assertEquals(lines.length, 1);
  assertMatch(lines[0]!, /warn recordings not readable reason="input\/output error"$/);
  await clock.advance(1);
  assertEquals(done.slice(3), ["read", "record front", "record back", "retain"]);
  await recording[Symbol.asyncDispose]();
});

Deno.test("ActiveRecording logs once how long the recordings fit, as soon as the rate is known", async () => {
  const { clock, recording, rates, lines } = setUp();
  recording.start();
  await clock.advance(15_000);
  assertEquals([recording.holds, lines], [undefined, []]);
  Object.assign(rates, { front: 400_000, back: 100_000 });
  await clock.advance(60_000);
  assertEquals(recording.holds, 7_200_000);
  assertEquals(lines, [
    '2026-01-01T00:00:20.000Z info recording capacity estimated duration="2 h"',
  ]);
  await recording[Symbol.asyncDispose]();
});

Deno.test("ActiveRecording stops waiting when it is disposed, and disposes of its parts in reverse", async () => {
  const { recording, reading, done, lines } = setUp();
  reading.failures = 1;
  for (const name of ["lock", "library", "recorder"]) {
    recording.use({ [Symbol.dispose]: () => void done.push(`dispose ${name}`) });
  }
  recording.start();
  await settle();
  await recording[Symbol.asyncDispose]();
  assertEquals(done, ["read", "dispose recorder", "dispose library", "dispose lock"]);
  assertEquals(lines.length, 1);
});
