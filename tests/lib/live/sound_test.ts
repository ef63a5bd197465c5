import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { FRAME_HEADER, MESSAGE_KIND, SOUND_HEADER } from "../../../lib/live/mod.ts";
import type { FrameSource } from "../../../lib/playback/mod.ts";
import { FakeSound } from "../../fake_sound.ts";
import { ManualClock } from "../../manual_clock.ts";
import { RecordedCamera } from "../playback/recorded_camera.ts";
import { FakeCamera, FakeSocket, startSession } from "./fake_camera.ts";

/** Size of a packet's message at 24 kHz, in bytes. */
const MESSAGE = SOUND_HEADER + 960;

/** Two cameras with a microphone, and one without. */
function setUp({ rate = 24_000, replay = undefined as FrameSource | undefined } = {}) {
  const cameras = ["front", "back", "mute"].map((name) => new FakeCamera(name));
  const sounds = new Map([["front", new FakeSound(rate)], ["back", new FakeSound(rate)]]);
  const dropped: string[] = [];
  const clock = new ManualClock();
  const connect = () => {
    const socket = new FakeSocket();
    const session = startSession({
      socket,
      cameras,
      sounds: (camera) => sounds.get(camera),
      onSoundDropped: (camera) => dropped.push(camera),
      replay: replay && (() => replay),
      clock,
    });
    const receive = (message: unknown) => session.receive(JSON.stringify(message));
    return { socket, session, receive };
  };
  const [front, back] = [sounds.get("front")!, sounds.get("back")!];
  return { cameras, front, back, dropped, clock, connect, ...connect() };
}

/** Recordings in which nothing is found. */
const nothing: FrameSource = {
  seek: () => Promise.resolve(undefined),
  step: () => Promise.resolve(undefined),
  read: () => Promise.resolve(undefined),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** Camera index and sequence number of each packet of sound that a socket was sent. */
function packetsIn(socket: FakeSocket): [camera: number, sequence: number][] {
  return socket.sent.filter((message) => typeof message !== "string")
    .map((message) => new DataView(message.buffer))
    .filter((header) => header.getUint8(0) === MESSAGE_KIND.SOUND)
    .map((header) => [header.getUint16(2), header.getUint32(4)]);
}

Deno.test("a sound message has the kind, the camera, the sequence number and the time before the samples", () => {
  const { socket, back, receive } = setUp();
  receive({ type: "listen", cameras: ["back"] });
  const { samples } = back.emit(1_767_225_600_123.25, -2);
  const [message] = socket.sent as Uint8Array<ArrayBuffer>[];
  const header = new DataView(message!.buffer);
  assertEquals([header.getUint8(0), header.getUint8(1)], [3, 0]);
  assertEquals([header.getUint16(2), header.getUint32(4)], [1, 1]);
  assertEquals(header.getFloat64(8), 1_767_225_600_123.25);
  assertEquals(message!.subarray(16), samples);
  assertEquals(header.getInt16(16, true), -2);
});

Deno.test("all listeners get the same bytes of a packet, not a copy for each", () => {
  const { front, connect } = setUp();
  const sockets = [connect(), connect()].map(({ session, socket }) => {
    session.listen(["front"]);
    return socket;
  });
  front.emit(0);
  assertStrictEquals(sockets[0]!.sent[0], sockets[1]!.sent[0]);
});

Deno.test("a client that watches does not open a microphone", () => {
  const { front, back, session, receive } = setUp();
  session.watch(["front", "back", "mute"]);
  receive({ type: "watch", cameras: ["front"] });
  receive({ type: "ping", id: 1 });
  assertEquals([front.joined, back.joined, front.retries, back.retries], [0, 0, 0, 0]);
});

Deno.test("a client hears the cameras of its last listen message, until its session ends", () => {
  const { front, back, socket, session, receive } = setUp();
  const listeners = () => [front.listeners.size, back.listeners.size];
  receive({ type: "listen", cameras: ["front", "mute", "no such camera"] });
  assertEquals(listeners(), [1, 0]);
  receive({ type: "listen", cameras: ["front", "back"] });
  assertEquals([listeners(), front.joined], [[1, 1], 1]);
  front.emit(0);
  back.emit(0);
  receive({ type: "listen", cameras: ["back"] });
  front.emit(20);
  back.emit(20);
  assertEquals([listeners(), packetsIn(socket)], [[0, 1], [[0, 1], [1, 1], [1, 2]]]);
  receive({ type: "listen", cameras: [] });
  assertEquals(listeners(), [0, 0]);
  receive({ type: "listen", cameras: ["front"] });
  session.end();
  assertEquals(listeners(), [0, 0]);
});

Deno.test("a client can listen without watching, and watch without listening", () => {
  const { cameras, front, socket, session, receive } = setUp();
  session.watch(["front"]);
  receive({ type: "listen", cameras: ["front"] });
  receive({ type: "watch", cameras: [] }); // the page is hidden
  front.emit(0);
  assertEquals([cameras[0]!.viewers.size, packetsIn(socket)], [0, [[0, 1]]]);
  receive({ type: "watch", cameras: ["front"] });
  receive({ type: "listen", cameras: [] });
  assertEquals([cameras[0]!.viewers.size, front.listeners.size], [1, 0]);
});

Deno.test("a microphone retries at each listen message, at once if the user requests it", () => {
  const { front, back, receive } = setUp();
  receive({ type: "listen", cameras: ["front"] });
  receive({ type: "listen", cameras: ["front"] });
  assertEquals([front.retries, front.skipsDelay, back.retries], [2, false, 0]);
  receive({ type: "listen", cameras: ["front"], retry: true });
  assertEquals([front.retries, front.skipsDelay], [3, true]);
  receive({ type: "watch", cameras: ["front"] });
  assertEquals(front.retries, 3);
});

Deno.test("a microphone that is closed does not end the session", () => {
  const { cameras, front, socket, session, receive } = setUp();
  session.watch(["front"]);
  receive({ type: "listen", cameras: ["front"] });
  front.end();
  cameras[0]!.emit(1);
  assertEquals([socket.closed, socket.frames], [undefined, [[0, 1]]]);
  receive({ type: "listen", cameras: ["front"] });
  front.emit(0);
  assertEquals(packetsIn(socket), [[0, 1]]);
});

Deno.test("a client that reads nothing holds 200 ms of sound, and what is dropped is counted", () => {
  const { front, socket, dropped, receive } = setUp();
  receive({ type: "listen", cameras: ["front"] });
  for (let n = 0; n < 500; n++) {
    front.emit(20 * n);
    socket.bufferedAmount = packetsIn(socket).length * MESSAGE;
  }
  const held = packetsIn(socket).length;
  assert(held * 20 >= 180 && held * 20 <= 200, `${held} packets`);
  assertEquals(dropped.length, 500 - held);
  socket.bufferedAmount = 0;
  const { sequence } = front.emit(10_000);
  assertEquals(packetsIn(socket).at(-1), [0, sequence]);
});

Deno.test("sound waits behind a frame, but a frame that has left makes no room for sound", () => {
  const { cameras, front, socket, dropped, session, receive } = setUp();
  session.watch(["front"]);
  receive({ type: "listen", cameras: ["front"] });
  const jpeg = new Uint8Array(100_000);
  for (const viewer of cameras[0]!.viewers) {
    viewer.offer({ jpeg, sequence: 1, capturedAt: 0, monotonic: 0 });
  }
  socket.bufferedAmount = FRAME_HEADER + jpeg.length;
  for (let n = 0; n < 50; n++) {
    const before = packetsIn(socket).length;
    front.emit(20 * n);
    socket.bufferedAmount += (packetsIn(socket).length - before) * MESSAGE;
  }
  const held = packetsIn(socket).length;
  assert(held * 20 >= 180 && held * 20 <= 200, `${held} packets`);
  assertEquals(dropped.length, 50 - held);
  socket.bufferedAmount = held * MESSAGE; // the frame has left, and was not acknowledged yet
  front.emit(1_000);
  assertEquals(packetsIn(socket).length, held);
  socket.bufferedAmount = 0;
  front.emit(1_020);
  assertEquals(packetsIn(socket).length, held + 1);
});

/** Sends a client frames that take this long each, then one more that it never reads. */
async function holdSound(times: readonly number[]): Promise<{ held: number; dropped: number }> {
  const { cameras, front, socket, dropped, clock, session, receive } = setUp();
  session.watch(["front"]);
  receive({ type: "listen", cameras: ["front"] });
  const jpeg = new Uint8Array(100_000);
  const emit = (sequence: number) => {
    for (const viewer of cameras[0]!.viewers) {
      viewer.offer({ jpeg, sequence, capturedAt: 0, monotonic: 0 });
    }
  };
  for (const [i, ms] of times.entries()) {
    emit(i + 1);
    await clock.advance(ms);
    receive({ type: "painted", camera: 0, sequence: i + 1 });
  }
  emit(times.length + 1);
  socket.bufferedAmount = FRAME_HEADER + jpeg.length;
  for (let n = 0; n < 500; n++) {
    const before = packetsIn(socket).length;
    front.emit(20 * n);
    socket.bufferedAmount += (packetsIn(socket).length - before) * MESSAGE;
  }
  return { held: packetsIn(socket).length * 20, dropped: dropped.length };
}

for (
  const [times, limit] of [
    [[15, 15, 20], 200],
    [[15, 15, 15, 15, 5_000], 200], // has stalled before
    [[320, 300, 350], 640],
    [[320], 640],
    [[3_000, 3_000, 3_000], 1_000],
  ] as const
) {
  Deno.test(`a client whose frames take ${times} ms holds ${limit} ms of sound when it stalls`, async () => {
    const { held, dropped } = await holdSound(times);
    assert(held > limit - 30 && held <= limit, `${held} ms`);
    assertEquals(dropped, 500 - held / 20);
  });
}

Deno.test("a client on a slow link without a frame in flight holds 200 ms of sound", async () => {
  const { cameras, front, socket, clock, session, receive } = setUp();
  session.watch(["front"]);
  receive({ type: "listen", cameras: ["front"] });
  cameras[0]!.emit(1);
  await clock.advance(320);
  receive({ type: "painted", camera: 0, sequence: 1 });
  for (let n = 0; n < 100; n++) {
    front.emit(20 * n);
    socket.bufferedAmount = packetsIn(socket).length * MESSAGE;
  }
  assert(packetsIn(socket).length <= 10, `${packetsIn(socket).length} packets`);
});

Deno.test("sound waits as long as recorded frames of another camera take", async () => {
  const { front, socket, clock, session, receive } = setUp({
    replay: new RecordedCamera().record(Date.UTC(2025, 11, 31), 1_000, 100).source(),
  });
  session.watch(["back"]);
  receive({ type: "listen", cameras: ["front"] });
  receive({ type: "replay", cameras: ["back"], at: Date.UTC(2025, 11, 31), speed: 1, id: 1 });
  await clock.advance(0);
  assertEquals(socket.frames, [[1, 1]]);
  await clock.advance(400);
  receive({ type: "painted", camera: 1, sequence: 1, recorded: true });
  await clock.advance(0);
  assertEquals(socket.frames.length, 2);
  socket.bufferedAmount = 0;
  for (let n = 0; n < 100; n++) {
    const before = packetsIn(socket).length;
    front.emit(20 * n);
    socket.bufferedAmount += (packetsIn(socket).length - before) * MESSAGE;
  }
  const held = packetsIn(socket).length * 20;
  assert(held > 770 && held <= 800, `${held} ms`);
});

Deno.test("a client that listens is not taken for one that does not read", () => {
  const { front, socket, receive } = setUp({ rate: 48_000 });
  receive({ type: "listen", cameras: ["front", "back"] });
  front.emit(0);
  socket.bufferedAmount = 2 * 19_200 + 262_144; // of sound and of replies
  receive({ type: "ping", id: 1 });
  assertEquals(socket.closed, undefined);
  socket.bufferedAmount += 1_000; // more than the list of cameras
  receive({ type: "ping", id: 2 });
  assertEquals(socket.closed?.code, 1008);
});

Deno.test("a client that replays a camera does not hear it live, until it is live again", () => {
  const { front, back, receive } = setUp({ replay: nothing });
  const listeners = () => [front.listeners.size, back.listeners.size];
  receive({ type: "watch", cameras: ["front", "back"] });
  receive({ type: "listen", cameras: ["front", "back"] });
  receive({ type: "replay", cameras: ["front"], at: 1_000, speed: 1, id: 1 });
  assertEquals(listeners(), [0, 1]);
  receive({ type: "listen", cameras: ["front"] });
  assertEquals(listeners(), [0, 0]);
  receive({ type: "live", cameras: ["front"] });
  assertEquals(listeners(), [1, 0]);
});

Deno.test("a malformed listen message ends the session", () => {
  for (const message of [{}, { cameras: "front" }, { cameras: [1] }]) {
    const { front, socket, receive } = setUp();
    receive({ type: "listen", cameras: ["front"] });
    receive({ type: "listen", ...message });
    assertEquals([socket.closed?.code, front.listeners.size], [1008, 0]);
  }
});
