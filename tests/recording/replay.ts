import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { FRAME_HEADER, MESSAGE_KIND, PROTOCOL_VERSION } from "../../lib/live/mod.ts";
import { withFolder } from "../clients/client.ts";
import { figure, footprintOf, percentile, rounded } from "../faults/figures.ts";
import { pause } from "../faults/viewer.ts";
import { eventually, type Server } from "../server.ts";
import { SlowLink } from "../slow_link.ts";
import { MINUTE, timeOf, writeDay, YESTERDAY } from "./archive.ts";
import { recordingOf, startRecording } from "./recording_server.ts";

/** Rate of the slow link, in bytes per second. */
const RATE = 500_000;
/** Size of a recorded frame, in bytes. */
const SIZE = 60_000;
/** Frames in a segment of a minute, and number of segments. */
const [FRAMES, MINUTES] = [600, 6];
const MIDDLE = YESTERDAY + MINUTES * MINUTE / 2;

/** A player: acknowledges each recorded frame when it has arrived. */
class Player implements AsyncDisposable {
  readonly frames: { readonly at: number; readonly received: number }[] = [];
  // deno-lint-ignore no-explicit-any
  readonly texts: any[] = [];
  /** Largest number of frames that were not acknowledged. */
  maxInFlight = 0;
  readonly #socket: WebSocket;
  readonly #closed: Promise<unknown>;

  constructor(url: string) {
    const address = `${url.replace("http", "ws")}/live?version=${PROTOCOL_VERSION}&watch=`;
    const socket = this.#socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.#closed = new Promise((resolve) => socket.onclose = resolve);
    let waiting = 0;
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") return void this.texts.push(JSON.parse(data));
      const header = new DataView(data);
      if (header.getUint8(0) !== MESSAGE_KIND.RECORDED_FRAME) return;
      assert(data.byteLength > FRAME_HEADER);
      this.frames.push({ at: header.getFloat64(8), received: performance.now() });
      this.maxInFlight = Math.max(this.maxInFlight, ++waiting);
      setTimeout(() => {
        waiting--;
        const sequence = header.getUint32(4);
        socket.send(JSON.stringify({ type: "painted", camera: 0, sequence, recorded: true }));
      }, 5); // decoding takes time, too
    };
  }

  async opened(): Promise<void> {
    await eventually("the server says hello", () => this.texts.length > 0);
  }

  replay(at: number, speed: number, id = 1): void {
    this.#socket.send(JSON.stringify({ type: "replay", cameras: ["front"], at, speed, id }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#closed;
  }
}

/** Serves six minutes at 10 fps. */
export async function withRecordings(use: (server: Server) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const day = { camera: "front", start: YESTERDAY, segments: MINUTES, frames: FRAMES };
    await writeDay(folder, { ...day, bytes: SIZE });
    await using server = await startRecording(folder, { RECORD: "off" });
    await eventually("the folder is read", async () => (await recordingOf(server)).oldest !== null);
    await use(server);
  });
}

/** Plays at a speed over a slow link, and compares when frames arrive with when they are due. */
export async function checkSpeed(server: Server, speed: number, ms: number): Promise<void> {
  await using link = new SlowLink(server.url, RATE);
  await using player = new Player(link.url);
  await player.opened();
  const begun = performance.now();
  player.replay(MIDDLE, speed);
  await pause(ms);
  const late = player.frames.slice(1).map(({ at, received }) =>
    received - begun - (at - MIDDLE) / speed
  );
  const transfer = 1000 * SIZE / RATE;
  figure(
    `speed ${speed} at 500 KB/s: ${rounded(1000 * player.frames.length / ms)} frames per second, ` +
      "behind their time, median and 99th percentile",
    `${rounded(percentile(late, 0.5))} and ${rounded(percentile(late, 0.99))} ms`,
    `${transfer + 100} ms`,
  );
  assertLess(2, late.length);
  assertLessOrEqual(percentile(late, 0.5), transfer + 100);
  assertLessOrEqual(player.maxInFlight, 1);
  const order = player.frames.map(({ at }) => at * Math.sign(speed));
  for (let i = 1; i < order.length; i++) assert(order[i]! > order[i - 1]!, "frames out of order");
}

/** Seeks many times; the last one must be shown, and nothing may be left open. */
export async function checkSeeks(server: Server, count: number, interval: number): Promise<void> {
  const before = await footprintOf(server.pid);
  {
    await using link = new SlowLink(server.url, RATE);
    await using player = new Player(link.url);
    await player.opened();
    let at = 0;
    for (let id = 1; id <= count; id++) {
      const minute = id * 7 % MINUTES;
      at = YESTERDAY + minute * MINUTE + timeOf(id * 131 % FRAMES, FRAMES);
      player.replay(at, 0, id);
      await pause(interval);
    }
    const sent = performance.now();
    await eventually("the last one is shown", () => player.frames.at(-1)?.at === at);
    figure(
      `${count} seeks: frames shown, and the last one after`,
      `${player.frames.length}, ${rounded(performance.now() - sent)} ms`,
    );
    assertLessOrEqual(player.maxInFlight, 1);
    assertEquals(player.texts.at(-1).id, count);
  }
  await eventually("no descriptor is left", async () => {
    return (await footprintOf(server.pid)).descriptors <= before.descriptors;
  });
}
