import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { markHeadroom } from "../../../lib/bytes.ts";
import { FRAME_HEADER, MESSAGE_KIND, recordedFrameMessage } from "../../../lib/live/mod.ts";
import type { ProcessPicture } from "../../../lib/pixels/task.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { readImage, RecordedCamera } from "../playback/recorded_camera.ts";
import { FakeCamera, FakeSocket, startSession } from "./fake_camera.ts";

/** Begin of the recordings: 10 minutes before the start of the clock. */
const BEGIN = Date.UTC(2026, 0, 1) - 600_000;

/** A session with two cameras, of which 600 s less one frame have been recorded at 10 fps. */
function setUp({ hasRecordings = true } = {}) {
  const clock = new ManualClock();
  const front = new FakeCamera("front"), back = new FakeCamera("back");
  const cameras = [front, back];
  const recorded = {
    front: new RecordedCamera().record(BEGIN, 6_000, 100),
    back: new RecordedCamera().record(BEGIN, 6_000, 100),
  };
  const socket = new FakeSocket();
  const errors: string[] = [];
  const renderer = new FakeRenderer();
  const session = startSession({
    socket,
    cameras,
    replay: hasRecordings ? (name) => recorded[name as "front" | "back"].source() : undefined,
    rendererOf: (_, height) => renderer.to(height),
    onReplayError: (camera, error) => errors.push(`${camera}: ${(error as Error).message}`),
    clock,
  });
  const receive = (message: unknown) => session.receive(JSON.stringify(message));
  return {
    clock,
    front,
    back,
    recorded,
    socket,
    session,
    errors,
    renderer,
    receive,
    /** Sends a `replay` message for the camera "front", or `cameras`. */
    replay: (at: number | null, speed: number, id = 1, cameras = ["front"]) =>
      receive({ type: "replay", cameras, at, speed, id }),
    paint: (camera: number, sequence: number) =>
      receive({ type: "painted", camera, sequence, recorded: true }),
    /** Number of open sources. */
    get open() {
      return recorded.front.open + recorded.back.open;
    },
    /** Acknowledges every recorded frame for a while. */
    async watch(duration: number) {
      const acknowledged = new Map<number, number>();
      for (let passed = 0; passed < duration; passed += 5) {
        for (const { camera, sequence } of recordedFrames(socket)) {
          if (sequence <= (acknowledged.get(camera) ?? 0)) continue;
          acknowledged.set(camera, sequence);
          receive({ type: "painted", camera, sequence, recorded: true });
        }
        await clock.advance(5);
      }
    },
  };
}

/** Writes the height into recorded frames. */
class FakeRenderer {
  refused: string | undefined;
  error: Error | undefined;
  /** Waits before each result. */
  wait: () => Promise<unknown> = () => Promise.resolve();

  to(height: number): ProcessPicture {
    return async (jpeg) => {
      await this.wait();
      if (this.error) throw this.error;
      if (this.refused !== undefined) return { refused: this.refused };
      const { number, at } = readImage(jpeg);
      const text = new TextEncoder().encode(`${number} ${at} ${height}`);
      return {
        jpeg: Uint8Array.of(0xff, 0xd8, ...text, 0xff, 0xd9),
        size: { width: 1, height },
      };
    };
  }
}

/** Returns the heights that {@link FakeRenderer} has written into the recorded frames. */
function heights({ sent }: FakeSocket): (number | undefined)[] {
  return sent.filter((message) => typeof message !== "string")
    .filter((message) => message[0] === MESSAGE_KIND.RECORDED_FRAME)
    .map((message) => {
      const text = new TextDecoder().decode(message.subarray(FRAME_HEADER + 2, -2));
      const [, , height] = text.split(" ");
      return height === undefined ? undefined : Number(height);
    });
}

/** Returns the recorded frames that a socket has received. */
function recordedFrames({ sent }: FakeSocket) {
  return sent.filter((message) => typeof message !== "string")
    .filter((message) => message[0] === MESSAGE_KIND.RECORDED_FRAME)
    .map((message) => {
      const header = new DataView(message.buffer, message.byteOffset);
      const { number, at } = readImage(message.subarray(FRAME_HEADER));
      assertEquals(header.getFloat64(8), at);
      return { camera: header.getUint16(2), sequence: header.getUint32(4), number, at };
    });
}

/** Returns the numbers of the recorded frames of a camera. */
function numbers(socket: FakeSocket, index = 0): number[] {
  return recordedFrames(socket).filter(({ camera }) => camera === index).map(({ number }) =>
    number
  );
}

Deno.test("LiveSession says in hello whether there are recordings", () => {
  for (const hasRecordings of [true, false]) {
    const { socket } = setUp({ hasRecordings });
    assertEquals(socket.hello.replay, hasRecordings ? true : undefined);
  }
});

Deno.test("recordedFrameMessage writes its header before the JPEG, in place if there is room", () => {
  const jpeg = Uint8Array.of(0xff, 0xd8, 7, 0xff, 0xd9);
  const buffer = markHeadroom(new Uint8Array(500).fill(1)).buffer;
  const withHeadroom = new Uint8Array(buffer, 200, 5);
  withHeadroom.set(jpeg);
  for (const image of [jpeg, withHeadroom]) {
    const at = 1_790_000_000_123;
    const message = recordedFrameMessage({ at, sequence: 4_000_000_000, jpeg: image }, 0x1234);
    const header = new DataView(message.buffer, message.byteOffset);
    assertEquals([header.getUint8(0), header.getUint8(1)], [2, 0]);
    assertEquals([header.getUint16(2), header.getUint32(4)], [0x1234, 4_000_000_000]);
    assertEquals(header.getFloat64(8), at);
    assertEquals(message.subarray(FRAME_HEADER), jpeg);
    if (image === withHeadroom) assertStrictEquals(message.buffer, buffer);
  }
});

Deno.test("a client that replays leaves the live camera, and gets a frame for each acknowledgement", async () => {
  const { clock, front, back, session, socket, replay, paint } = setUp();
  session.watch(["front", "back"]);
  replay(BEGIN + 1_050, 1, 7);
  assertEquals([front.viewers.size, back.viewers.size], [0, 1]);
  await clock.advance(0);
  assertEquals(socket.texts, [
    { type: "replay", id: 7, camera: 0, state: "playing", at: BEGIN + 1_050, speed: 1 },
  ]);
  assertEquals(recordedFrames(socket), [{ camera: 0, sequence: 1, number: 10, at: BEGIN + 1_000 }]);
  await clock.advance(400);
  assertEquals(numbers(socket), [10]);
  paint(0, 2);
  paint(1, 1);
  session.receive('{"type":"painted","camera":0,"sequence":1}'); // a live frame
  await clock.advance(0);
  assertEquals(numbers(socket), [10]);
  paint(0, 1);
  await clock.advance(0);
  assertEquals(numbers(socket), [10, 14]);
  paint(0, 1);
  await clock.advance(100);
  assertEquals(numbers(socket), [10, 14]);
  assertEquals([session.sent, session.dropped], [2, 0]);
  session.end();
  await settle();
});

Deno.test("a replay at speed 0 shows one frame and stays", async () => {
  const { clock, session, socket, replay, watch } = setUp();
  replay(BEGIN + 1_050, 0);
  await watch(50);
  await clock.advance(10_000);
  assertEquals(numbers(socket), [10]);
  assertEquals(socket.texts.map(({ state, at, speed }) => [state, at, speed]), [
    ["paused", BEGIN + 1_000, 0],
  ]);
  session.end();
  await clock.advance(0);
});

Deno.test("a change of the speed goes on from the playhead", async () => {
  const test = setUp();
  const { clock, session, socket, replay, watch } = test;
  replay(BEGIN + 1_000, 1);
  await watch(1_000);
  replay(null, 0, 2);
  await watch(50);
  await clock.advance(5_000);
  replay(null, -2, 3);
  await watch(500);
  assertEquals(
    numbers(socket),
    [
      ...Array.from({ length: 11 }, (_, index) => 10 + index),
      ...Array.from({ length: 10 }, (_, index) => 19 - index),
    ].slice(0, numbers(socket).length),
  );
  assert(numbers(socket).length >= 19);
  const states = socket.texts.map(({ id, state, speed }) => [id, state, speed]);
  assertEquals(states, [[1, "playing", 1], [2, "paused", 0], [3, "playing", -2]]);
  session.end();
  await clock.advance(0);
  assertEquals(test.open, 0);
});

Deno.test("a client that pauses the live camera gets the newest recorded frame", async () => {
  const { clock, session, socket, replay } = setUp();
  session.watch(["front"]);
  replay(null, 0);
  await clock.advance(0);
  assertEquals(numbers(socket), [5_999]);
  session.end();
});

Deno.test("step shows exactly the next or the previous frame and pauses", async () => {
  const { clock, session, socket, receive, paint, replay } = setUp();
  replay(BEGIN + 60_000, 1);
  await clock.advance(0);
  let sequence = 1;
  const steps = [...Array(50).fill(1), ...Array(100).fill(-1), 7, -7];
  const expected = [600];
  for (const [id, by] of steps.entries()) {
    receive({ type: "step", cameras: ["front"], by, id });
    paint(0, sequence++);
    await clock.advance(20);
    expected.push(expected.at(-1)! + by);
  }
  assertEquals(numbers(socket), expected);
  const { state, at, speed, id } = socket.texts.at(-1);
  assertEquals([state, at, speed, id], ["paused", BEGIN + 55_000, 0, steps.length - 1]);
  session.end();
});

Deno.test("steps that come faster than acknowledgements add up", async () => {
  const { clock, session, socket, receive, watch } = setUp();
  for (let id = 1; id <= 10; id++) receive({ type: "step", cameras: ["front"], by: -1, id });
  await clock.advance(0);
  assertEquals(numbers(socket), [5_989]);
  for (let id = 1; id <= 30; id++) receive({ type: "step", cameras: ["front"], by: -1, id });
  await watch(100);
  assertEquals(numbers(socket), [5_989, 5_959]);
  session.end();
});

Deno.test("1000 replays in 10 s: one frame in flight, the last one is shown, no source stays open", async () => {
  const test = setUp();
  const { clock, session, socket, replay, paint } = test;
  session.watch(["front"]);
  let acknowledged = 0;
  for (let id = 1; id <= 1_000; id++) {
    replay(BEGIN + id * 500, id % 3 === 0 ? 1 : 0, id);
    if (id % 10 > 0) continue;
    await clock.advance(100);
    const sent = numbers(socket).length;
    assert(sent - acknowledged <= 1, `${sent - acknowledged} in flight`);
    if (sent > acknowledged) paint(0, ++acknowledged);
  }
  await clock.advance(50);
  paint(0, ++acknowledged);
  await clock.advance(50);
  assertEquals(numbers(socket).at(-1), 5_000);
  assertEquals(socket.texts.at(-1).id, 1_000);
  assert(acknowledged > 80 && test.open === 1);
  session.end();
  await clock.advance(0);
  assertEquals([test.open, socket.closed], [0, undefined]);
});

Deno.test("two cameras replay along one playhead", async () => {
  const test = setUp();
  const { clock, session, socket, recorded, replay, watch } = test;
  recorded.back.times.splice(0, 3_000); // has the last 5 minutes only
  replay(BEGIN + 290_000.3, 60, 1, ["front", "back", "no such camera"]);
  await watch(1_000);
  assert(Math.abs(numbers(socket, 0).at(-1)! - numbers(socket, 1).at(-1)!) <= 20);
  assertEquals(numbers(socket, 1)[0]! - 3_000 < 20, true);
  const gaps = socket.texts.filter(({ state }) => state === "gap");
  assertEquals(gaps.map(({ camera, to }) => [camera, to]), [[1, BEGIN + 300_000]]);
  const times = gaps.flatMap(({ at, from, to }) => [at, from, to]);
  assertEquals(times, times.map(Math.round), "times are whole milliseconds");
  session.end();
  await clock.advance(0);
  assertEquals(test.open, 0);
});

Deno.test("the cameras of a step follow the first one", async () => {
  const { clock, session, socket, receive, replay, watch } = setUp();
  const cameras = ["back", "front"];
  replay(BEGIN + 1_050, 0, 1, cameras);
  await watch(50);
  receive({ type: "step", cameras, by: 3, id: 2 });
  await watch(50);
  assertEquals([numbers(socket, 0), numbers(socket, 1)], [[10, 13], [10, 13]]);
  session.end();
  await clock.advance(0);
});

Deno.test("a gap is reported, and start at the oldest frame", async () => {
  const { clock, session, socket, recorded, replay, watch } = setUp();
  recorded.front.times.splice(10, 3_000);
  replay(recorded.front.times[12]!, -1);
  await watch(2_000);
  assertEquals(numbers(socket), [3_012, 3_011, 3_010, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  const states = socket.texts.map(({ state, at, from, to }) => [state, at, from, to]);
  assertEquals(states.slice(1), [
    ["gap", BEGIN + 900, BEGIN + 900, BEGIN + 301_000],
    ["start", BEGIN, undefined, undefined],
  ]);
  session.end();
  await clock.advance(0);
});

Deno.test("a replay that catches up goes live without a gap and without a double", async () => {
  const test = setUp();
  const { clock, front, session, socket, recorded, replay, receive } = test;
  session.watch(["front"]);
  let number = 6_000;
  replay(clock.now() - 1_000, 2, 1);
  const acknowledged = new Set<Uint8Array | string>();
  for (let passed = 0; passed < 3_000; passed += 20) {
    if (passed % 100 === 0) {
      front.emit(number, clock.monotonic());
      recorded.front.add(clock.now());
      number++;
    }
    await clock.advance(20);
    for (const message of socket.sent) {
      if (typeof message === "string" || acknowledged.has(message)) continue;
      acknowledged.add(message);
      const sequence = new DataView(message.buffer, message.byteOffset).getUint32(4);
      const isRecorded = message[0] === MESSAGE_KIND.RECORDED_FRAME;
      receive({ type: "painted", camera: 0, sequence, recorded: isRecorded });
    }
  }
  const live = socket.sent.filter((message) => typeof message !== "string")
    .filter((message) => message[0] === MESSAGE_KIND.FRAME)
    .map((message) => new DataView(message.buffer).getUint32(4));
  const shown = [...numbers(socket), ...live];
  assert(live.length > 10 && live.length < 25, `${live.length} live frames`);
  assertEquals(shown, Array.from({ length: shown.length }, (_, index) => shown[0]! + index));
  assertEquals(shown.at(-1), number - 1);
  assertEquals(socket.texts.map(({ state }) => state), ["playing", "live"]);
  assertEquals([front.viewers.size, test.open], [1, 0]);
  session.end();
});

Deno.test("live ends the replay: the newest frame follows at once", async () => {
  const test = setUp();
  const { clock, front, session, socket, replay, receive } = test;
  session.watch(["front"]);
  replay(BEGIN, 1, 5);
  await clock.advance(10);
  front.emit(77);
  receive({ type: "live", cameras: ["front"] });
  assertEquals(socket.frames.at(-1), [0, 77]);
  assertEquals(socket.texts.at(-1), { type: "replay", id: 5, camera: 0, state: "live" });
  await clock.advance(1_000);
  assertEquals([numbers(socket).length, test.open, front.viewers.size], [1, 0, 1]);
  replay(BEGIN, 1, 6); // the frame of the first replay is still in flight
  await clock.advance(1_000);
  assertEquals(numbers(socket).length, 1);
  session.end();
  await clock.advance(0);
});

Deno.test("watch keeps a replay, and ends that of a camera that is no longer watched", async () => {
  const test = setUp();
  const { clock, front, session, replay, receive } = test;
  session.watch(["front"]);
  replay(BEGIN, 1);
  await clock.advance(0);
  receive({ type: "watch", cameras: ["front"], retry: true });
  assertEquals([front.viewers.size, test.open], [0, 1]);
  receive({ type: "watch", cameras: [] });
  await clock.advance(0);
  assertEquals([front.viewers.size, test.open], [0, 0]);
  receive({ type: "watch", cameras: ["front"] });
  assertEquals(front.viewers.size, 1);
  session.end();
});

Deno.test("a server without recordings answers a replay with none, and stays live", async () => {
  const { clock, front, session, socket, replay, receive } = setUp({ hasRecordings: false });
  session.watch(["front"]);
  replay(BEGIN, 1, 3);
  receive({ type: "step", cameras: ["front"], by: 1, id: 4 });
  receive({ type: "live", cameras: ["front"] });
  receive({ type: "painted", camera: 0, sequence: 1, recorded: true });
  await clock.advance(0);
  assertEquals(socket.texts.map(({ state, id }) => [state, id]), [
    ["none", 3],
    ["none", 4],
    ["live", undefined],
  ]);
  assertEquals([front.viewers.size, socket.closed], [1, undefined]);
});

Deno.test("a camera of which nothing is recorded is neither live nor replayed until live", async () => {
  const test = setUp();
  const { clock, front, session, socket, recorded, replay, receive } = test;
  recorded.front.times.length = 0;
  session.watch(["front"]);
  replay(BEGIN, 1, 3);
  await clock.advance(0);
  assertEquals(socket.texts, [{ type: "replay", id: 3, camera: 0, state: "none" }]);
  assertEquals([front.viewers.size, test.open], [0, 0]);
  receive({ type: "live", cameras: ["front"] });
  assertEquals(front.viewers.size, 1);
  session.end();
});

Deno.test("a recording that cannot be read is reported, and its source closed", async () => {
  const test = setUp();
  const { clock, socket, recorded, replay, errors } = test;
  recorded.front.delay = () => Promise.reject(new Error("EIO"));
  replay(BEGIN, 1, 3);
  await clock.advance(0);
  assertEquals(socket.texts.map(({ state, id }) => [state, id]), [["none", 3]]);
  assertEquals([errors, test.open], [["front: EIO"], 0]);
});

Deno.test("LiveSession closes after a malformed replay message", () => {
  for (
    const message of [
      '{"type":"replay","cameras":["front"],"at":0,"speed":1}',
      '{"type":"replay","cameras":["front"],"at":"now","speed":1,"id":1}',
      '{"type":"replay","cameras":["front"],"at":1e999,"speed":1,"id":1}',
      '{"type":"replay","cameras":["front"],"at":0,"speed":61,"id":1}',
      '{"type":"replay","cameras":["front"],"at":0,"speed":-60.5,"id":1}',
      '{"type":"replay","cameras":["front"],"at":0,"speed":null,"id":1}',
      '{"type":"replay","cameras":"front","at":0,"speed":1,"id":1}',
      '{"type":"step","cameras":["front"],"by":0.5,"id":1}',
      '{"type":"step","cameras":["front"],"by":1e6,"id":1}',
      '{"type":"step","cameras":["front"],"by":1}',
      '{"type":"live","cameras":[0]}',
      '{"type":"live"}',
    ]
  ) {
    const { session, socket } = setUp();
    session.receive(message);
    assertEquals([message, socket.closed?.code], [message, 1008]);
  }
});

Deno.test("a client that acknowledges recorded frames without reading them is disconnected", async () => {
  const { clock, socket, replay, paint } = setUp();
  replay(BEGIN, 60);
  for (let sequence = 1; sequence < 1_000 && !socket.closed; sequence++) {
    await clock.advance(17);
    socket.bufferedAmount += 50_000;
    paint(0, sequence);
  }
  assertEquals(socket.closed?.code, 1008);
  assert(socket.bufferedAmount < 700_000);
});

Deno.test("a replay that plays has the selected height, in order, one frame for each acknowledgement", async () => {
  const { clock, session, socket, replay, renderer, watch, paint } = setUp();
  session.watch(["front", "back"], { heights: new Map([["front", 360]]) });
  replay(BEGIN + 1_050, 1, 1, ["front", "back"]);
  await watch(500);
  const sent = recordedFrames(socket);
  for (const camera of [0, 1]) {
    const shown = sent.filter((frame) => frame.camera === camera).map(({ number }) => number);
    assertEquals(shown, [10, 11, 12, 13, 14, 15]);
  }
  const expected = sent.map(({ camera }) => camera === 0 ? 360 : undefined);
  assertEquals(heights(socket), expected);
  // While a frame is converted, no other one is sent, and the next one is that of the playhead.
  const gate = Promise.withResolvers<void>();
  renderer.wait = () => gate.promise;
  const count = numbers(socket).length;
  paint(0, count);
  await clock.advance(1_000);
  assertEquals(numbers(socket).length, count);
  gate.resolve();
  await settle();
  paint(0, count + 1);
  await clock.advance(1);
  assertEquals(numbers(socket).slice(count), [16, 25]);
  session.end();
});

Deno.test("a replay at speed 0 has recorded frames as they are, unless the link is slow", async () => {
  const { clock, session, socket, replay, paint } = setUp();
  session.watch(["front"], { heights: new Map([["front", 360]]) });
  replay(BEGIN + 1_000, 0);
  await settle();
  assertEquals(heights(socket), [undefined]);
  await clock.advance(200); // the client needs 200 ms
  paint(0, 1);
  replay(BEGIN + 2_000, 0, 2);
  await settle();
  assertEquals(heights(socket), [undefined, 360]);
  await clock.advance(20);
  paint(0, 2); // which says nothing about frames as they were recorded
  replay(BEGIN + 3_000, 0, 3);
  await settle();
  assertEquals(heights(socket), [undefined, 360, 360]);
  await clock.advance(20);
  paint(0, 3);
  session.watch(["front"]);
  await settle();
  assertEquals(heights(socket), [undefined, 360, 360, undefined]);
  assertEquals(numbers(socket), [10, 20, 30, 30]);
  session.end();
});

Deno.test("a replay has recorded frames as they are where they cannot be converted", async () => {
  for (const problem of [{ refused: "progressive JPEG" }, { error: new Error("too many") }]) {
    const { session, socket, replay, renderer, watch, errors } = setUp();
    Object.assign(renderer, problem);
    session.watch(["front"], { heights: new Map([["front", 360]]) });
    replay(BEGIN + 1_050, 1);
    await watch(300);
    assertEquals(numbers(socket), [10, 11, 12, 13]);
    assertEquals([heights(socket), errors], [Array(4).fill(undefined), []]);
    session.end();
  }
});

Deno.test("a replay that stops while a frame is converted sends nothing more", async () => {
  const { clock, session, socket, replay, renderer, receive, open } = setUp();
  const gate = Promise.withResolvers<void>();
  renderer.wait = () => gate.promise;
  session.watch(["front"], { heights: new Map([["front", 360]]) });
  replay(BEGIN + 1_050, 1);
  await clock.advance(100);
  receive({ type: "live", cameras: ["front"] });
  gate.resolve();
  await settle();
  assertEquals([recordedFrames(socket).length, open], [0, 0]);
  session.end();
});
