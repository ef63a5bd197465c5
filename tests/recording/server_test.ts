import {
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { withFolder } from "../clients/client.ts";
import { figure, footprintOf, percentile, rounded } from "../faults/figures.ts";
import { pause, RawViewer } from "../faults/viewer.ts";
import { needing, PYTHON } from "../parts.ts";
import { Random } from "../random.ts";
import { eventually, type Server } from "../server.ts";
import { standIn } from "../stand_in.ts";
import { numberOf } from "./numbered_jpeg.ts";
import {
  assertGapless,
  lostByCamera,
  needingLinux,
  readRecording,
  type RecordedFrame,
  recordingOf,
  type RecordingState,
  startRecording,
} from "./recording_server.ts";

Deno.test(
  "the server records every frame, closes the segment at shutdown, and plays it after a restart",
  needing(PYTHON),
  async () => {
    await withFolder(async (folder) => {
      const journal = `${folder}/camera.log`;
      {
        await using server = await startRecording(folder, {
          FAKE_CAMERA_SIZE: "30000",
          FAKE_CAMERA_LOG: journal,
        });
        const viewers = await Promise.all(
          Array.from({ length: 5 }, () => RawViewer.watch(server.url)),
        );
        const reading = viewers.map((viewer) => viewer.readUntil(() => false));
        await eventually(
          "90 frames are recorded",
          async () => (await recordingOf(server)).frames > 90,
        );
        assertEquals((await recordingOf(server)).state, "recording");
        assertEquals((await server.stop()).code, 0);
        await Promise.all(reading);
        for (const viewer of viewers) viewer[Symbol.dispose]();
      }
      const { frames, open } = await readRecording(folder);
      figure("frames recorded", frames.length);
      assertEquals(open, []);
      assertGapless(frames, await lostByCamera(journal));
      assertLess(90, frames.length);

      await using server = await startRecording(folder, { RECORD: "off" });
      const { oldest, newest } = await loaded(server);
      assertEquals([oldest, newest], [frames[0]!.at, frames.at(-1)!.at]);
      await assertSnapshots(server, frames);
      const response = await fetch(`${server.url}/cameras/front/recordings`);
      const { spans } = await response.json();
      assertEquals(
        spans.map((span: { frames: number }) => span.frames),
        [frames.length],
      );
    });
  },
);

/** Waits until the server has read the folder. */
async function loaded(server: Server): Promise<RecordingState> {
  const begun = performance.now();
  await eventually(
    "the folder is read and repaired",
    async () => (await recordingOf(server)).oldest !== null,
  );
  assertLess(performance.now() - begun, 1_000);
  return await recordingOf(server);
}

/** Asserts that the snapshot of a moment is the last frame at or before it. */
async function assertSnapshots(server: Server, frames: readonly RecordedFrame[]): Promise<void> {
  const random = new Random(5);
  for (let i = 0; i < 30; i++) {
    const index = random.integer(0, frames.length - 2);
    const at = random.integer(frames[index]!.at, frames[index + 1]!.at - 1);
    const response = await fetch(`${server.url}/cameras/front/snapshot.jpg?at=${at / 1000}`);
    const jpeg = await response.bytes();
    assertEquals([response.status, numberOf(jpeg)], [200, frames[index]!.number]);
    assertEquals(Number(response.headers.get("X-Timestamp")), frames[index]!.at / 1000);
  }
}

Deno.test(
  "a server that is killed leaves recordings that the next one plays to the last frame",
  needing(PYTHON),
  async () => {
    await withFolder(async (folder) => {
      const recorded: RecordedFrame[] = [];
      for (let run = 0; run < 3; run++) {
        await using server = await startRecording(folder, { FAKE_CAMERA_SIZE: "30000" });
        if (run > 0) {
          const { oldest } = await loaded(server);
          assertEquals(oldest, recorded[0]!.at);
          await assertSnapshots(server, recorded);
        }
        await eventually(
          "frames are recorded",
          async () => (await recordingOf(server)).frames > 20,
        );
        const { newest } = await recordingOf(server);
        await server.stop("SIGKILL");
        const { frames } = await readRecording(folder);
        const added = frames.slice(recorded.length);
        assertGapless(added, 6); // the camera may lose some on a busy machine
        assertLessOrEqual(newest!, frames.at(-1)!.at);
        assertEquals(
          frames.slice(0, recorded.length).map(({ at }) => at),
          recorded.map(({ at }) => at),
        );
        recorded.push(...added);
      }
      await using server = await startRecording(folder, { RECORD: "off" });
      assertEquals((await loaded(server)).newest, recorded.at(-1)!.at);
      const response = await fetch(
        `${server.url}/cameras/front/snapshot.jpg?at=${recorded.at(-1)!.at / 1000}`,
      );
      assertEquals(numberOf(await response.bytes()), recorded.at(-1)!.number);
      const { open } = await readRecording(folder);
      assertEquals(open, []);
    });
  },
);

Deno.test(
  "a second server on a folder exits with one line, and can start once the first is killed",
  needing(PYTHON),
  async () => {
    await withFolder(async (folder) => {
      await using first = await startRecording(folder);
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-q", "--allow-all", "main.ts"],
        cwd: new URL("../..", import.meta.url),
        env: standIn({ RECORD_DIR: folder, PORT: "0" }),
        stdin: "null",
      }).output();
      const message = new TextDecoder().decode(stderr);
      assertEquals([code, message.trimEnd().split("\n").length], [2, 1], message);
      assertMatch(message, /another dinocam/);
      assertStringIncludes(message, folder);
      await first.stop("SIGKILL");
      await using second = await startRecording(folder);
      await eventually("it records", async () => (await recordingOf(second)).state === "recording");
    });
  },
);

Deno.test("recording does not delay viewers", needingLinux(PYTHON), async () => {
  await withFolder(async (folder) => {
    const ages: number[][] = [];
    const memory: number[] = [];
    for (const record of ["off", "all"]) {
      await using server = await startRecording(folder, {
        RECORD: record,
        FAKE_CAMERA_SIZE: "60000",
      });
      const viewers = await Promise.all(
        Array.from({ length: 5 }, () => RawViewer.watch(server.url)),
      );
      const reading = viewers.map((viewer) => viewer.readUntil(() => false));
      await pause(1_000);
      for (const viewer of viewers) viewer.ages.length = viewer.skipped = 0;
      await pause(2_500);
      ages.push(viewers.flatMap((viewer) => viewer.ages));
      assertEquals(viewers.reduce((sum, { skipped }) => sum + skipped, 0), 0);
      memory.push((await footprintOf(server.pid)).memory);
      for (const viewer of viewers) viewer[Symbol.dispose]();
      await Promise.all(reading);
    }
    const late = ages.map((those) => percentile(those, 0.99));
    figure("age of frames without recording, 99th percentile", `${rounded(late[0]!)} ms`);
    figure("with recording", `${rounded(late[1]!)} ms`);
    figure("memory with recording", `${rounded(memory[1]! - memory[0]!)} MB more`);
    // The exact figure is in long.ts: here other tests use the machine, too.
    assertLess(late[1]!, late[0]! + 30);
  });
});
