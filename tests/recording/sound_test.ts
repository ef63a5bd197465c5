import { assert, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { run, withFolder } from "../clients/client.ts";
import { figure, rounded } from "../faults/figures.ts";
import { needing } from "../parts.ts";
import { eventually, Server } from "../server.ts";
import { withoutNotes } from "./players.ts";
import { recordingOf, segmentFiles } from "./recording_server.ts";
import { type Decoded, decodeMatroska } from "./segment_file.ts";

const RATE = 24_000;
/** Samples of the silence between beeps are quieter. */
const LOUD = 1_000;

/** Starts a server whose emulated camera beeps with its pictures, and records it. */
function startRecording(folder: string, env: Record<string, string> = {}): Promise<Server> {
  return Server.start({
    env: { CAMERA: "front=emulated", AUDIO: "test", RECORD_DIR: folder, ...env },
  });
}

Deno.test(
  "the server records the beeps of the emulated camera with its pictures",
  needing("ffmpeg", "ffprobe"),
  async () => {
    await withFolder(async (folder) => {
      {
        await using server = await startRecording(folder, { RECORD_AUDIO: "on" });
        await eventually("some seconds are recorded", async () => {
          const { sound } = await soundOf(server);
          assertEquals(sound.state === "failed", false);
          return (await recordingOf(server)).frames > 5;
        });
        const { sound, recording } = await soundOf(server);
        assertEquals([sound.state, recording.sound], ["streaming", { dropped: 0 }]);
        assertStringIncludes(server.output, "Recording front with sound in ");
        // A segment that is being recorded can be played.
        await assertPlays((await segmentFiles(`${folder}/front`)).at(-1)!);
        assertEquals((await server.stop()).code, 0);
      }
      const offsets: number[] = [];
      for (const file of await segmentFiles(`${folder}/front`)) {
        const content = decodeMatroska(await Deno.readFile(file));
        assert(content.declared !== undefined, "the segment is not closed");
        assertContinuous(content);
        offsets.push(...beepOffsets(content));
        await assertPlays(file);
      }
      assertGreater(offsets.length, 3);
      const largest = Math.max(...offsets.map(Math.abs));
      figure("beep against picture in a segment", `${rounded(largest)} ms`, "30 ms");
      assertLess(largest, 30);
    });
  },
);

Deno.test("the server records no sound without RECORD_AUDIO, and leaves the microphone off", async () => {
  await withFolder(async (folder) => {
    await using server = await startRecording(folder);
    await eventually("a frame is recorded", async () => (await recordingOf(server)).frames > 0);
    const { sound, recording } = await soundOf(server);
    assertEquals([sound.state, recording.sound], ["off", undefined]);
    await server.stop();
    const [file] = await segmentFiles(`${folder}/front`);
    assertEquals(decodeMatroska(await Deno.readFile(file!)).sound, []);
  });
});

Deno.test("the server says that it cannot record the sound of a camera without AUDIO", async () => {
  await withFolder(async (folder) => {
    await using server = await startRecording(folder, { AUDIO: "", FRONT_RECORD_AUDIO: "on" });
    await eventually("a frame is recorded", async () => (await recordingOf(server)).frames > 0);
    assertStringIncludes(server.output, "RECORD_AUDIO needs AUDIO");
  });
});

Deno.test(
  "the server records on without the sound of a microphone that fails",
  async () => {
    await withFolder(async (folder) => {
      await using server = await startRecording(folder, {
        AUDIO: "exec:false",
        RECORD_AUDIO: "on",
        FPS: "20",
      });
      await eventually("a second is recorded", async () => (await recordingOf(server)).frames > 20);
      const { state, dropped } = await recordingOf(server);
      assertEquals([state, dropped], ["recording", 0]);
      await server.stop();
      const [file] = await segmentFiles(`${folder}/front`);
      const { frames, sound } = decodeMatroska(await Deno.readFile(file!));
      assertGreater(frames.length, 20);
      assertEquals(sound, []);
    });
  },
);

/** Returns what the server says of the camera's sound and its recording. */
async function soundOf(server: Server) {
  const [{ sound, recording }] = await (await fetch(`${server.url}/cameras`)).json();
  return { sound, recording };
}

/** Asserts that there is no gap between clusters of sound, and that none is longer than 100 ms. */
function assertContinuous({ sound }: Decoded): void {
  for (const [i, { time, samples }] of sound.entries()) {
    assert(samples.length <= RATE / 10 * 2);
    const next = sound[i + 1]?.time;
    if (next !== undefined) assertLess(Math.abs(time + durationOf(samples) - next), 2);
  }
}

/** Returns by how much each beep is later than the nearest picture, in milliseconds. */
function beepOffsets({ sound, frames }: Decoded): number[] {
  const offsets: number[] = [];
  let quietFor = 0;
  for (const { time, samples } of sound) {
    for (const [i, sample] of new Int16Array(samples.slice().buffer).entries()) {
      if (Math.abs(sample) < LOUD) quietFor++;
      else {
        if (quietFor > RATE / 10) offsets.push(nearest(time + i / RATE * 1000));
        quietFor = 0;
      }
    }
  }
  return offsets;

  function nearest(at: number): number {
    return frames.map(({ time }) => at - time)
      .reduce((best, offset) => Math.abs(offset) < Math.abs(best) ? offset : best, Infinity);
  }
}

function durationOf(samples: Uint8Array): number {
  return samples.length / 2 / RATE * 1000;
}

async function assertPlays(file: string): Promise<void> {
  for (
    const [program, ...args] of [
      ["ffprobe", "-v", "warning", "-show_packets", file],
      ["ffmpeg", "-nostdin", "-v", "warning", "-i", file, "-f", "null", "-"],
    ]
  ) {
    const { code, stderr } = await run(program!, args);
    assertEquals([code, withoutNotes(stderr)], [0, ""], program);
  }
}
