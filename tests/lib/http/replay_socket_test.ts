import { assert, assertEquals, assertLess } from "@std/assert";
import { Authenticator } from "../../../lib/auth/mod.ts";
import { Camera } from "../../../lib/camera/camera.ts";
import { systemClock } from "../../../lib/clock.ts";
import { FRAME_HEADER, MESSAGE_KIND, PROTOCOL_VERSION } from "../../../lib/live/mod.ts";
import { eventually } from "../../server.ts";
import { noEvents } from "../../silent.ts";
import { SlowLink } from "../../slow_link.ts";
import { readImage, RecordedCamera } from "../playback/recorded_camera.ts";
import { recordedFront } from "./recorded_front.ts";
import { createServerApp } from "./server_app.ts";

/** Size of a recorded frame, in bytes. */
const FRAME_SIZE = 60_000;
/** Rate of the slow link, in bytes per second. */
const RATE = 500_000;

/** A server with recordings of the last 10 minutes at 30 fps, on a random port. */
class TestServer implements AsyncDisposable {
  readonly recorded = new RecordedCamera().record(Date.now() - 600_000, 18_000, 1000 / 30);
  readonly #camera = new Camera({
    name: "front",
    driver: "fake",
    open: async function* () {},
    idleTimeout: 0,
    clock: systemClock,
    events: noEvents,
  });
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.recorded.imageSize = FRAME_SIZE;
    const log = { info() {}, warn() {}, error() {} };
    const app = createServerApp({
      cameras: [this.#camera],
      authenticator: new Authenticator("anyone", { clock: systemClock, log }),
      recording: recordedFront(this.recorded),
      clock: systemClock,
      log,
    });
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request, info) => app.fetch(request, info),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#server.shutdown(), this.#camera.close()]);
  }
}

/** A client that records and acknowledges what it receives. */
class Client implements AsyncDisposable {
  /** Times of the frames received, and when they were. */
  readonly frames: { at: number; received: number }[] = [];
  // deno-lint-ignore no-explicit-any
  readonly texts: any[] = [];
  readonly #socket: WebSocket;
  readonly #closed: Promise<unknown>;

  constructor(url: string) {
    const address = `${url.replace("http", "ws")}/live?version=${PROTOCOL_VERSION}&watch=`;
    const socket = this.#socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.#closed = new Promise((resolve) => socket.onclose = resolve);
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") return void this.texts.push(JSON.parse(data));
      const header = new DataView(data);
      assertEquals(header.getUint8(0), MESSAGE_KIND.RECORDED_FRAME);
      const { at } = readImage(new Uint8Array(data, FRAME_HEADER));
      this.frames.push({ at, received: performance.now() });
      const sequence = header.getUint32(4);
      socket.send(JSON.stringify({ type: "painted", camera: 0, sequence, recorded: true }));
    };
  }

  /** Waits until the server has sent its first message. */
  async opened(): Promise<void> {
    await eventually("the server says hello", () => this.texts.length > 0);
  }

  replay(at: number, speed: number, id: number): void {
    this.#socket.send(JSON.stringify({ type: "replay", cameras: ["front"], at, speed, id }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#closed;
  }
}

Deno.test("a replay over 500 kB/s shows each frame one transfer after it is due, at any speed", async () => {
  await using server = new TestServer();
  for (const speed of [-60, 1, 8]) {
    await using link = new SlowLink(server.url, RATE);
    await using client = new Client(link.url);
    await client.opened();
    const at = server.recorded.times[9_000]!;
    const begun = performance.now();
    client.replay(at, speed, 1);
    await eventually("10 frames have arrived", () => client.frames.length >= 10);
    const delays = client.frames.slice(1)
      .map((frame) => frame.received - begun - (frame.at - at) / speed);
    // The middle one, as the machine may be busy.
    const delay = delays.toSorted((a, b) => a - b)[delays.length >> 1]!;
    assertLess(delay, 1000 * FRAME_SIZE / RATE + 100, `${speed}: ${delays.join()}`);
    const state = client.texts.at(-1);
    assertEquals([state.id, state.state, state.speed], [1, "playing", speed]);
  }
  await eventually("the sources are closed", () => server.recorded.open === 0);
});

Deno.test("a client that scrubs over 500 kB/s gets the frame of the last request", async () => {
  await using server = new TestServer();
  {
    await using link = new SlowLink(server.url, RATE);
    await using client = new Client(link.url);
    await client.opened();
    for (let id = 1; id <= 100; id++) {
      client.replay(server.recorded.times[id * 100]!, 0, id);
      await systemClock.sleep(8);
    }
    const last = server.recorded.times[10_000]!;
    await eventually("the last one is shown", () => client.frames.at(-1)?.at === last);
    assertEquals(client.texts.at(-1).id, 100);
    assert(client.frames.length >= 3 && client.frames.length < 50);
    assertEquals(server.recorded.open, 1);
  }
  await eventually("the source is closed", () => server.recorded.open === 0);
});

Deno.test("a stream of recordings over 500 kB/s skips frames and stays in time", async () => {
  await using server = new TestServer();
  await using link = new SlowLink(server.url, RATE);
  const at = server.recorded.times[9_000]!;
  const begun = performance.now();
  const response = await fetch(`${link.url}/video_feed?at=${at / 1000}&speed=8`);
  let text = "";
  const frames: { at: number; received: number }[] = [];
  const decoder = new TextDecoder("latin1");
  for await (const bytes of response.body!) {
    text += decoder.decode(bytes);
    const [, time] = /X-Timestamp: (\S+)[^]*\xff\xd9\r\n--frame/.exec(text) ?? [];
    if (!time) continue;
    text = text.slice(text.indexOf("\xff\xd9\r\n--frame") + 11);
    frames.push({ at: Math.round(Number(time) * 1000), received: performance.now() });
    if (frames.length === 12) break;
  }
  const delays = frames.slice(6).map((frame) => frame.received - begun - (frame.at - at) / 8);
  const delay = delays.toSorted((a, b) => a - b)[delays.length >> 1]!;
  assertLess(delay, 2_000, delays.join()); // the kernel's buffers are larger than a frame
  assert(frames[11]!.at - frames[6]!.at > 10 * 1000 / 30, "no frames were skipped");
  await eventually("the source is closed", () => server.recorded.open === 0);
});
