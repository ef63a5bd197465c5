import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import type { Camera } from "../../../lib/camera/camera.ts";
import type { CameraStats } from "../../../lib/camera/stats.ts";
import { createLog } from "../../../lib/log.ts";
import { ActiveRecording } from "../../../lib/recording/active_recording.ts";
import type { Library } from "../../../lib/recording/library.ts";
import type { Marks } from "../../../lib/recording/marks.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

/** A camera that is not used. */
function fakeCamera(name: string): Camera {
  return { name, stats: () => ({ fps: 30 } as CameraStats) } as Camera;
}

/** A recording of the cameras "front" and "back" whose parts only note what is done with them. */
function setUp(
  { capacity = 3.6e9, expected = [] as "all" | string[], cameras = ["front", "back"] } = {},
) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const done: string[] = [];
  const reading = { failures: 0, finished: Promise.resolve() };
  const rates: Record<string, number> = {};
  /** What a recorder waits for before it has closed its last segment. */
  const closing = new Map<string, Promise<void>>();
  const library = {
    async start() {
      done.push("read");
      if (reading.failures-- > 0) throw new Error("input/output error");
      await reading.finished;
    },
  } as Library & { start(): Promise<void> };
  const recording = new ActiveRecording({
    library,
    marks: {} as Marks,
    storage: { capacity },
    createRecorder: ({ name }, { fps }) => ({
      start: () => void done.push(`record ${name}${fps ? ` at ${fps} fps` : ""}`),
      status: () => ({
        state: "recording" as const,
        since: 7,
        frames: 1,
        dropped: 0,
        bytesPerSecond: rates[name] ?? 0,
      }),
      async [Symbol.asyncDispose]() {
        await closing.get(name);
        done.push(`close ${name}`);
      },
    }),
    expected,
    place: "in /srv: at most 10 GB",
    retention: undefined,
    startRetention: () => void done.push("retain"),
    clock,
    log: createLog({ clock, write: (line) => lines.push(line) }),
  });
  for (const name of cameras) recording.add(fakeCamera(name));
  return { clock, recording, reading, rates, closing, done, lines };
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
  assertEquals(
    done,
    ["read", "close front", "close back", "dispose recorder", "dispose library", "dispose lock"],
  );
  assertEquals(lines.length, 1);
});

Deno.test("ActiveRecording records a camera that is added later, and no more after its removal", async () => {
  const { recording, done, lines } = setUp({ cameras: [] });
  const camera = fakeCamera("yard");
  recording.start();
  await settle();
  assertEquals([done, recording.records("yard")], [["read", "retain"], false]);
  recording.add(camera, { fps: 5 });
  recording.add(camera); // known already
  assertEquals(done.slice(2), ["record yard at 5 fps"]);
  assertEquals([recording.records("yard"), recording.status("yard").state], [true, "recording"]);
  await recording.remove(fakeCamera("yard")); // another one, which is not recorded
  assert(recording.records("yard"));
  await recording.remove(camera);
  await recording.remove(camera);
  assertEquals(done.slice(3), ["close yard"]);
  assertEquals([recording.records("yard"), recording.status("yard").state], [false, "off"]);
  assertMatch(lines[0]!, /info recording stopped camera=yard$/);
  await recording[Symbol.asyncDispose]();
  assertEquals([done.length, lines.length], [4, 1]);
});

Deno.test("ActiveRecording does not record a camera that is removed before the folder has been read", async () => {
  const { recording, reading, done } = setUp({ cameras: [] });
  const finished = Promise.withResolvers<void>();
  reading.finished = finished.promise;
  const cameras = [fakeCamera("yard"), fakeCamera("shed")];
  recording.start();
  for (const camera of cameras) recording.add(camera);
  await recording.remove(cameras[0]!);
  assertEquals(recording.status("shed").state, "waiting");
  finished.resolve();
  await settle();
  assertEquals(done, ["read", "close yard", "record shed", "retain"]);
  await recording[Symbol.asyncDispose]();
});

Deno.test("ActiveRecording records a returning camera when its last segment is closed", async () => {
  const { recording, closing, done } = setUp({ cameras: ["yard"] });
  recording.start();
  await settle();
  const closed = Promise.withResolvers<void>();
  closing.set("yard", closed.promise);
  const camera = fakeCamera("yard");
  recording.add(camera); // another one of this name
  await settle();
  assertEquals(done, ["read", "record yard", "retain"]);
  assertEquals(recording.status("yard").state, "waiting");
  const removed = recording.remove(camera);
  assert(recording.records("yard"));
  recording.add(camera);
  closed.resolve();
  await removed;
  await settle();
  assertEquals(done.slice(3), ["close yard", "close yard", "record yard"]);
  assertEquals(recording.status("yard").state, "recording");
  await recording[Symbol.asyncDispose]();
  assertEquals(done.slice(6), ["close yard"]);
});

Deno.test("ActiveRecording waits at shutdown for removed cameras, and ignores new ones", async () => {
  const { recording, closing, done } = setUp({ cameras: [] });
  recording.start();
  await settle();
  const closed = Promise.withResolvers<void>();
  closing.set("yard", closed.promise);
  const camera = fakeCamera("yard");
  recording.add(camera);
  recording.remove(camera);
  const disposed = recording[Symbol.asyncDispose]();
  recording.add(fakeCamera("shed"));
  assertFalse(recording.records("shed"));
  await settle();
  assertEquals(done.slice(2), ["record yard"]);
  closed.resolve();
  await disposed;
  assertEquals(done.slice(3), ["close yard"]);
});

for (
  const [cameras, expected, summary] of [
    [["front", "back"], [], "Recording front, back in /srv: at most 10 GB"],
    [[], [], "Recording no camera in /srv: at most 10 GB"],
    [[], "all", "Recording all cameras as they appear, in /srv: at most 10 GB"],
    [["front"], "all", "Recording front, all cameras as they appear, in /srv: at most 10 GB"],
    [
      ["front"],
      ["shed", "yard"],
      "Recording front, when they appear shed, yard, in /srv: at most 10 GB",
    ],
  ] as [string[], "all" | string[], string][]
) {
  Deno.test(`the summary of recordings is "${summary}"`, async () => {
    const { recording } = setUp({ cameras, expected });
    assertEquals(recording.summary, summary);
    await recording[Symbol.asyncDispose]();
  });
}
