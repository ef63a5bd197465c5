import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import type { Bytes } from "../../lib/bytes.ts";
import { MESSAGE_KIND, PROTOCOL_VERSION } from "../../lib/live/mod.ts";
import { run, withFolder } from "../clients/client.ts";
import { figure, rounded } from "../faults/figures.ts";
import { needing } from "../parts.ts";
import { eventually, Server } from "../server.ts";
import { withoutNotes } from "./players.ts";
import { recordingOf } from "./recording_server.ts";

const RATE = 24_000;
/** Maximum time between a picture and its beep, in milliseconds. */
const IN_SYNC = 30;
/** Quieter samples are silence. */
const LOUD = 1_000;

Deno.test(
  "clips and replays have the recorded beeps with their pictures, and open no microphone",
  needing("ffmpeg", "ffprobe"),
  async () => {
    await withFolder(async (folder) => {
      await record(folder, 8);
      await using server = await Server.start({
        env: { CAMERA: "front=emulated", AUDIO: "test", RECORD_DIR: folder, RECORD: "off" },
      });
      await eventually("the folder is read", async () => {
        return (await recordingOf(server)).oldest !== null;
      });
      const { oldest, newest } = await recordingOf(server);
      const clip = `${server.url}/cameras/front/clip`;
      const period = `from=${oldest! / 1000}&to=${newest! / 1000}`;
      for (const format of ["mkv", "mp4"]) {
        const path = `${folder}/clip.${format}`;
        await Deno.writeFile(path, await (await fetch(`${clip}.${format}?${period}`)).bytes());
        const offset = await beepOffset(path);
        figure(`beep against picture in clip.${format}`, `${rounded(offset)} ms`, `${IN_SYNC} ms`);
        assertLess(offset, IN_SYNC);
      }
      await replay(server, oldest!);
      const [{ sound }] = await (await fetch(`${server.url}/cameras`)).json();
      assertEquals([sound.state, sound.listeners], ["off", 0]);
    });
  },
);

/** Records pictures with their beeps. @param count Number of frames. */
async function record(folder: string, count: number): Promise<void> {
  await using server = await Server.start({
    env: {
      ...{ CAMERA: "front=emulated", AUDIO: "test" },
      ...{ RECORD_DIR: folder, RECORD_AUDIO: "on" },
    },
  });
  await eventually(
    `${count} frames are recorded`,
    async () => (await recordingOf(server)).frames >= count,
    30_000,
  );
  assertEquals((await server.stop()).code, 0);
}

/**
 * Decodes a clip, which must be without a warning, and returns the largest time between a beep and
 * the nearest picture, in milliseconds.
 */
async function beepOffset(path: string): Promise<number> {
  const { stdout, stderr } = await run("ffprobe", [
    ...["-v", "warning", "-of", "csv=p=0", "-select_streams", "v"],
    ...["-show_entries", "packet=pts_time", path],
  ]);
  assertEquals(stderr, "");
  const pictures = stdout.trim().split("\n").map((time) => parseFloat(time) * 1000);
  assertGreater(pictures.length, 5);
  const raw = `${path}.pcm`;
  const decoded = await run("ffmpeg", [
    ...["-nostdin", "-v", "warning", "-i", path, "-map", "0:a", "-af"],
    ...["aresample=async=1:first_pts=0", "-ar", `${RATE}`, "-f", "s16le", raw],
  ]);
  assertEquals([decoded.code, withoutNotes(decoded.stderr)], [0, ""]);
  const beeps = beepsIn(new Int16Array((await Deno.readFile(raw)).buffer));
  return largestOffset(beeps, pictures);
}

/** Returns when beeps begin, in milliseconds since the first sample. */
function beepsIn(samples: Int16Array): number[] {
  const beeps: number[] = [];
  let quietFor = 0;
  for (const [i, sample] of samples.entries()) {
    if (Math.abs(sample) < LOUD) quietFor++;
    else {
      if (quietFor > RATE / 10) beeps.push(i / RATE * 1000);
      quietFor = 0;
    }
  }
  return beeps;
}

/** Returns the largest time between a beep and the nearest picture. */
function largestOffset(beeps: readonly number[], pictures: readonly number[]): number {
  assertGreater(beeps.length, 3);
  return Math.max(
    ...beeps.map((beep) => Math.min(...pictures.map((picture) => Math.abs(picture - beep)))),
  );
}

/** Replays five seconds over `/live` with sound, and checks the times of what arrives. */
async function replay(server: Server, from: number): Promise<void> {
  const address = `${server.url.replace("http", "ws")}/live?version=${PROTOCOL_VERSION}&watch=`;
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  const frames: number[] = [];
  const sound: { at: number; samples: Bytes; early: number }[] = [];
  const kinds = new Set<number>();
  let begun = 0;
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") {
      const { type, state, at } = JSON.parse(data);
      if (type === "hello") {
        // In the other order the client would listen to the microphone in between.
        send({ type: "replay", cameras: ["front"], at: from, speed: 1, id: 1 });
        send({ type: "listen", cameras: ["front"] });
      } else if (state === "playing") begun = performance.now() - (at - from);
      return;
    }
    const header = new DataView(data);
    const [kind, at] = [header.getUint8(0), header.getFloat64(8)];
    kinds.add(kind);
    if (kind === MESSAGE_KIND.RECORDED_FRAME) {
      frames.push(at);
      send({ type: "painted", camera: 0, sequence: header.getUint32(4), recorded: true });
    } else {
      assertEquals([header.getUint16(2), header.getUint32(4)], [0, RATE]);
      const early = at - from - (performance.now() - begun);
      sound.push({ at, samples: new Uint8Array(data.slice(16)), early });
    }
  };
  await eventually("five seconds are replayed", () => frames.at(-1)! >= from + 5_000, 15_000);
  socket.close();
  await closed;
  assertEquals([...kinds].sort(), [MESSAGE_KIND.RECORDED_FRAME, MESSAGE_KIND.RECORDED_SOUND]);
  for (const [i, { at, samples }] of sound.entries()) {
    const next = sound[i + 1]?.at;
    if (next) assertAlmostEquals(at + samples.length / 2 / RATE * 1000, next, 2);
  }
  const all = new Int16Array(sound.flatMap(({ samples }) => [...new Int16Array(samples.buffer)]));
  const offset = largestOffset(beepsIn(all).map((beep) => sound[0]!.at + beep), frames);
  figure("beep against picture in a replay", `${rounded(offset)} ms`, `${IN_SYNC} ms`);
  assertLess(offset, IN_SYNC);
  const early = sound.slice(3).map(({ early }) => early).sort((a, b) => a - b);
  figure(
    "sound of a replay arrives before its time",
    `${rounded(early[0]!)} to ${rounded(early.at(-1)!)} ms`,
    "200 ms",
  );
  assert(early.at(-1)! < 230, `never faster than the playhead: ${early.at(-1)}`);
  assert(early[early.length >> 1]! > 50);

  function send(message: unknown): void {
    socket.send(JSON.stringify(message));
  }
}
