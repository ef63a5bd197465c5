import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { MutableCameraList } from "../../../lib/camera/camera_list.ts";
import {
  FRAME_HEADER,
  frameMessage,
  LiveSession,
  MESSAGE_KIND,
  PROTOCOL_VERSION,
  type ServerInfo,
} from "../../../lib/live/mod.ts";
import { MAX_MESSAGE } from "../../../lib/live/message.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { FakeCamera, FakeSocket, startSession } from "./fake_camera.ts";

function setUp() {
  const front = new FakeCamera("front"), back = new FakeCamera("back");
  const cameras = [front, back];
  const clock = new ManualClock();
  const connect = () => {
    const socket = new FakeSocket();
    const session = startSession({ socket, cameras, clock });
    const receive = (message: unknown) => session.receive(JSON.stringify(message));
    const paint = (camera: number, sequence: number) =>
      receive({ type: "painted", camera, sequence });
    return { socket, session, receive, paint };
  };
  return { front, back, clock, connect, ...connect() };
}

Deno.test("LiveSession.start sends the version and the list of cameras, then the latest frame of each", () => {
  const { front, back, clock } = setUp();
  front.emit(7);
  back.emit(3);
  const socket = new FakeSocket();
  const cameras = new MutableCameraList([front, back]);
  new LiveSession({ socket, cameras, status: ({ name }) => ({ name }), clock }).start();
  assertEquals(JSON.parse(socket.sent[0] as string), {
    type: "hello",
    version: PROTOCOL_VERSION,
    now: clock.now(),
    cameras: [{ index: 0, name: "front" }, { index: 1, name: "back" }],
  });
  assertEquals(socket.frames, [[0, 7], [1, 3]]);
});

Deno.test("frameMessage encodes the kind, the camera, the sequence number and the time before the JPEG", () => {
  const { front } = setUp();
  const frame = front.emit(4_000_000_000, 1_767_225_600_123.5);
  const message = frameMessage(frame, 0x1234);
  const header = new DataView(message.buffer);
  assertEquals([header.getUint8(0), header.getUint8(1)], [MESSAGE_KIND.FRAME, 0]);
  assertEquals([header.getUint16(2), header.getUint32(4)], [0x1234, 4_000_000_000]);
  assertEquals(header.getFloat64(8), 1_767_225_600_123.5);
  assertEquals(message.subarray(FRAME_HEADER), frame.jpeg);
});

Deno.test("frameMessage returns the same bytes for all clients, not a copy for each", () => {
  const { front, connect } = setUp();
  const sockets = [connect(), connect()].map(({ session, socket }) => {
    session.watch(["front"]);
    return socket;
  });
  front.emit(1);
  assertStrictEquals(sockets[0]!.sent[0], sockets[1]!.sent[0]);
});

Deno.test("LiveSession sends the newest frame when the previous one was acknowledged", () => {
  const { front, socket, session, paint } = setUp();
  session.watch(["front"]);
  front.emit(1);
  front.emit(2);
  front.emit(3);
  assertEquals(socket.frames, [[0, 1]]);
  paint(0, 1);
  assertEquals(socket.frames, [[0, 1], [0, 3]]);
  paint(0, 3);
  assertEquals(socket.frames.length, 2);
  front.emit(4);
  assertEquals(socket.frames, [[0, 1], [0, 3], [0, 4]]);
  assertEquals([session.sent, session.dropped, front.dropped], [3, 1, 1]);
  assertEquals(front.painted, [[1, FRAME_HEADER + 5], [3, FRAME_HEADER + 5]]);
});

Deno.test("LiveSession holds the frame that waits for an acknowledgement, and no frame that was sent", () => {
  const { front, session, paint } = setUp();
  session.watch(["front"]);
  const [viewer] = front.viewers;
  const frames = [1, 2, 3].map((sequence) => front.emit(sequence));
  const held = () => frames.map((frame) => viewer!.holds!(frame));
  assertEquals(held(), [false, false, true]); // sent, dropped, waiting
  paint(0, 1);
  assertEquals(held(), [false, false, false]);
});

Deno.test("a client that never acknowledges gets one frame of each camera", () => {
  const { front, back, socket, session } = setUp();
  session.watch(["front", "back"]);
  for (let i = 1; i <= 1_000; i++) {
    front.emit(i);
    back.emit(i);
  }
  assertEquals(socket.frames, [[0, 1], [1, 1]]);
  assertEquals([session.sent, session.dropped], [2, 2 * 998]);
});

Deno.test("LiveSession accepts only an acknowledgement of the frame in flight, and only once", () => {
  const { front, socket, session, paint } = setUp();
  session.watch(["front"]);
  front.emit(1);
  front.emit(2);
  paint(0, 2);
  paint(1, 1);
  paint(9, 1);
  assertEquals(socket.frames, [[0, 1]]);
  paint(0, 1);
  paint(0, 1);
  front.emit(3);
  assertEquals(socket.frames, [[0, 1], [0, 2]]);
});

Deno.test("a client that is slow to acknowledge one camera gets the other at full rate", () => {
  const { front, back, socket, session, paint } = setUp();
  session.watch(["front", "back"]);
  front.emit(1);
  for (let i = 1; i <= 3; i++) {
    back.emit(i);
    paint(1, i);
  }
  assertEquals(socket.frames, [[0, 1], [1, 1], [1, 2], [1, 3]]);
});

Deno.test("a client counts as a viewer of the cameras that it watches until its session ends", () => {
  const { front, back, session, receive } = setUp();
  const viewers = () => [front.viewers.size, back.viewers.size];
  session.watch(["front", "back"]);
  assertEquals(viewers(), [1, 1]);
  receive({ type: "watch", cameras: ["back", "no such camera"] });
  assertEquals(viewers(), [0, 1]);
  receive({ type: "watch", cameras: [] });
  assertEquals(viewers(), [0, 0]);
  session.watch(["front"]);
  session.watch(["front"]);
  assertEquals(viewers(), [1, 0]);
  session.end();
  assertEquals(viewers(), [0, 0]);
});

Deno.test("a client that leaves a camera and joins it again does not get a second frame in flight", () => {
  const { front, socket, session, paint } = setUp();
  session.watch(["front"]);
  front.emit(1);
  front.emit(2);
  for (let i = 0; i < 100; i++) {
    session.watch([]);
    session.watch(["front"]);
  }
  assertEquals(socket.frames, [[0, 1]]);
  front.emit(3);
  paint(0, 1);
  assertEquals(socket.frames, [[0, 1], [0, 3]]);
  paint(0, 3);
  session.watch(["front"]);
  assertEquals(socket.frames.length, 2);
});

Deno.test("a client gets no frames of a camera that it no longer watches", () => {
  const { front, socket, session, paint } = setUp();
  session.watch(["front"]);
  front.emit(1);
  front.emit(2);
  session.watch([]);
  paint(0, 1);
  front.emit(3);
  assertEquals(socket.frames, [[0, 1]]);
});

Deno.test("LiveSession has the cameras retry at each watch message", () => {
  const { front, back, session, receive } = setUp();
  session.watch(["front"]);
  receive({ type: "watch", cameras: ["front"] });
  assertEquals([front.retries, back.retries], [2, 0]);
  assertEquals(front.skipsDelay, false);
});

Deno.test("LiveSession has the cameras retry without a delay when the user requests it", () => {
  const { front, back, receive } = setUp();
  receive({ type: "watch", cameras: ["front"], retry: true });
  assertEquals([front.skipsDelay, back.skipsDelay], [true, false]);
});

Deno.test("LiveSession.start says how clients reach the server", () => {
  const clock = new ManualClock();
  const socket = new FakeSocket();
  const server: ServerInfo = {
    addresses: ["http://192.168.1.20:8000"],
    auth: true,
    reachable: "network",
  };
  const options = { socket, cameras: new MutableCameraList([]), status: () => ({}), clock };
  new LiveSession({ ...options, server: () => server }).start([]);
  new LiveSession(options).start([]);
  assertEquals(socket.texts.map((text) => text.server), [server, undefined]);
});

Deno.test("LiveSession replies to a ping with the server's time and the status of the cameras", async () => {
  const { clock, socket, receive } = setUp();
  await clock.advance(1_234);
  receive({ type: "ping", id: 5 });
  assertEquals(socket.texts, [{
    type: "pong",
    id: 5,
    now: clock.now(),
    cameras: [{ index: 0, name: "front" }, { index: 1, name: "back" }],
  }]);
});

Deno.test("LiveSession tells a client how many frames of a camera it was too slow to receive", () => {
  const { front, socket, session, receive } = setUp();
  session.watch(["front"]);
  for (let sequence = 1; sequence <= 5; sequence++) front.emit(sequence);
  receive({ type: "ping", id: 1 });
  const [{ cameras }] = socket.texts;
  assertEquals(cameras.map(({ skipped }: { skipped?: number }) => skipped), [3, undefined]);
});

Deno.test("LiveSession closes with a reason after a malformed message, and leaves the cameras", () => {
  const malformed: [unknown, number][] = [
    ["", 1008],
    ["x", 1008],
    ["null", 1008],
    ["[]", 1008],
    ['"watch"', 1008],
    ["{}", 1008],
    ['{"type":"constructor"}', 1008],
    ['{"type":"watch"}', 1008],
    ['{"type":"watch","cameras":"front"}', 1008],
    ['{"type":"watch","cameras":[1]}', 1008],
    ['{"type":"painted","camera":0}', 1008],
    ['{"type":"painted","camera":-1,"sequence":1}', 1008],
    ['{"type":"painted","camera":0.5,"sequence":1}', 1008],
    ['{"type":"painted","camera":"0","sequence":1}', 1008],
    ['{"type":"ping","id":1e99}', 1008],
    ['{"type":"ping"}', 1008],
    [`{"type":"ping","id":1${" ".repeat(MAX_MESSAGE)}}`, 1009],
    [new ArrayBuffer(8), 1003],
    [new Blob(["x"]), 1003],
  ];
  for (const [message, code] of malformed) {
    const { front, socket, session, connect } = setUp();
    const other = connect();
    for (const each of [session, other.session]) each.watch(["front", "back"]);
    session.receive(message);
    assertEquals([message, socket.closed?.code], [message, code]);
    assert(socket.closed!.reason.length > 0 && socket.closed!.reason.length <= 123);
    session.receive('{"type":"ping","id":1}');
    session.watch(["front"]);
    front.emit(1);
    assertEquals(socket.sent, []);
    assertEquals(front.viewers.size, 1);
    assertEquals(other.socket.frames.length, 1);
  }
});

Deno.test("a client that sends pings but reads no replies is disconnected", () => {
  const { socket, receive } = setUp();
  for (let id = 0; id < 10_000 && !socket.closed; id++) {
    receive({ type: "ping", id });
    socket.bufferedAmount += socket.sent.at(-1)!.length;
  }
  assertEquals(socket.closed?.code, 1008);
  assert(socket.bufferedAmount < 300_000);
});

Deno.test("a client that acknowledges frames without reading them is disconnected", () => {
  const { front, socket, session, paint } = setUp();
  session.watch(["front"]);
  const jpeg = new Uint8Array(100_000);
  for (let i = 1; i < 100 && !socket.closed; i++) {
    for (const viewer of front.viewers) {
      viewer.offer({ jpeg, sequence: i, capturedAt: 0, monotonic: 0 });
    }
    socket.bufferedAmount += jpeg.length;
    paint(0, i);
  }
  assertEquals(socket.closed?.code, 1008);
  assert(socket.bufferedAmount < 700_000);
});

Deno.test("LiveSession tolerates an acknowledged frame that still counts as buffered", () => {
  const { front, socket, session, paint } = setUp();
  session.watch(["front"]);
  const jpeg = new Uint8Array(5_000_000);
  for (let i = 1; i <= 10; i++) {
    for (const viewer of front.viewers) {
      viewer.offer({ jpeg, sequence: i, capturedAt: 0, monotonic: 0 });
    }
    socket.bufferedAmount = jpeg.length;
    paint(0, i);
  }
  assertEquals([socket.closed, socket.frames.length], [undefined, 10]);
});

Deno.test("LiveSession ends when a camera has ended", async () => {
  const { front, back, socket, session } = setUp();
  session.watch(["front", "back"]);
  front.end();
  await settle();
  assertEquals(socket.closed?.code, 1001);
  assertEquals(back.viewers.size, 0);
});
