import { assert, assertEquals, assertLess } from "@std/assert";
import { MutableCameraList } from "../../../lib/camera/camera_list.ts";
import { CameraIndexes, frameMessage, LiveSession, MESSAGE_KIND } from "../../../lib/live/mod.ts";
import { FakeSound } from "../../fake_sound.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { RecordedCamera } from "../playback/recorded_camera.ts";
import { FakeCamera, FakeSocket } from "./fake_camera.ts";

/** Time after which the next change of the list is sent for sure, in milliseconds. */
const UPDATED = 200;
/** Begin of the recordings: 10 minutes before the start of the clock. */
const BEGIN = Date.UTC(2026, 0, 1) - 600_000;

/** A server whose list of cameras changes, and one client. */
function setUp({ names = ["front", "back"], watch = undefined as string[] | undefined } = {}) {
  const clock = new ManualClock();
  const cameras = new Map(
    ["front", "back", "side", "yard"].map((name) => [name, new FakeCamera(name)]),
  );
  const camera = (name: string) => cameras.get(name)!;
  const list = new MutableCameraList(names.map(camera));
  const sounds = new Map([["front", new FakeSound(24_000)], ["side", new FakeSound(24_000)]]);
  const recorded = new RecordedCamera().record(BEGIN, 6_000, 100);
  const indexes = new CameraIndexes();
  const connect = (watch?: string[]) => {
    const socket = new FakeSocket();
    const session = new LiveSession({
      socket,
      cameras: list,
      indexes,
      status: ({ name }) => ({ name }),
      sounds: (name) => sounds.get(name),
      replay: () => recorded.source(),
      clock,
    });
    session.start(watch);
    const receive = (message: unknown) => session.receive(JSON.stringify(message));
    return {
      ...{ socket, session, receive },
      paint: (index: number, sequence: number, recorded = false) =>
        receive({ type: "painted", camera: index, sequence, recorded }),
      /** The lists of cameras sent so far, as `index name`. */
      lists: () => socket.texts.flatMap((text) => text.cameras ? [listed(text)] : []),
    };
  };
  return {
    ...{ clock, cameras, camera, list, sounds, recorded, connect, ...connect(watch) },
    /** Shows these cameras from now on, and waits until the clients know it. */
    show: async (...names: string[]) => {
      list.set(names.map(camera));
      await clock.advance(UPDATED);
    },
  };
}

function listed({ cameras }: { cameras: { index: number; name: string }[] }): string {
  return cameras.map(({ index, name }) => `${index} ${name}`).join(", ");
}

/** Camera index and sequence number of each message of a kind. */
function messages(socket: FakeSocket, kind: number): [camera: number, sequence: number][] {
  return socket.sent.filter((message) => typeof message !== "string" && message[0] === kind)
    .map((message) => new DataView((message as Uint8Array<ArrayBuffer>).buffer))
    .map((header) => [header.getUint16(2), header.getUint32(4)]);
}

Deno.test("a client is sent the list after each change, with an index that each name keeps", async () => {
  const { show, lists } = setUp();
  await show("back", "front", "side");
  await show("side");
  await show("front", "side", "yard");
  await show();
  assertEquals(lists(), [
    "0 front, 1 back",
    "1 back, 0 front, 2 side",
    "2 side",
    "0 front, 2 side, 3 yard",
    "",
  ]);
});

Deno.test("a message about the list has the type cameras and the server's time", async () => {
  const { show, socket, clock } = setUp();
  await show("front");
  const now = clock.now() - UPDATED;
  const cameras = [{ index: 0, name: "front" }];
  assertEquals(socket.texts.at(-1), { type: "cameras", now, cameras });
});

Deno.test("a client of a server without cameras is told why, and gets the first one that appears", async () => {
  const { list, camera, connect, show } = setUp({ names: [] });
  Object.assign(list, { emptyReason: "Nobody publishes a camera" });
  const { socket } = connect();
  assertEquals([socket.texts[0].cameras, socket.texts[0].reason], [
    [],
    "Nobody publishes a camera",
  ]);
  await show("front");
  assertEquals(socket.texts.at(-1).reason, undefined);
  camera("front").emit(1);
  assertEquals(socket.frames, [[0, 1]]);
});

Deno.test("cameras that appear in one turn are one message, sent at once", async () => {
  const { list, camera, lists } = setUp({ names: [] });
  for (const name of ["front", "back", "side"]) list.set([...list.all, camera(name)]);
  await settle();
  assertEquals(lists(), ["", "0 front, 1 back, 2 side"]);
});

Deno.test("a list that changes all the time is sent five times a second", async () => {
  const { list, camera, clock, lists } = setUp({ names: [] });
  for (let i = 0; i < 100; i++) {
    list.set(i % 2 === 0 ? [camera("front")] : [camera("front"), camera("back")]);
    await clock.advance(10);
  }
  assertLess(lists().length, 1 + 2 * 6); // two messages if a camera has gone and come back
  await clock.advance(UPDATED);
  assertEquals(lists().at(-1), "0 front, 1 back");
});

Deno.test("the message about the list precedes the first frame of a new camera", async () => {
  const { list, camera, socket } = setUp({ names: ["front"] });
  camera("side").emit(1);
  list.set([camera("front"), camera("side")]);
  camera("side").emit(2);
  assertEquals(socket.frames, []);
  await settle();
  const types = socket.sent.map((message) => typeof message);
  assertEquals([types, socket.frames], [["string", "string", "object"], [[1, 2]]]);
});

Deno.test("a client that has not chosen cameras watches all that appear", async () => {
  const { show, camera, socket } = setUp();
  await show("front", "back", "side");
  for (const name of ["front", "back", "side"]) camera(name).emit(5);
  assertEquals(socket.frames, [[0, 5], [1, 5], [2, 5]]);
});

Deno.test("a client that watches a camera by its name gets it whenever it appears, and no other", async () => {
  const { show, camera, socket } = setUp({ names: [], watch: ["front", "yard"] });
  await show("back", "front");
  const viewers = () => ["front", "back", "yard"].map((name) => camera(name).viewers.size);
  assertEquals(viewers(), [1, 0, 0]);
  await show("back");
  assertEquals(viewers(), [0, 0, 0]);
  await show("back", "front", "yard");
  assertEquals(viewers(), [1, 0, 1]);
  camera("front").emit(1);
  assertEquals(socket.frames, [[1, 1]]);
});

Deno.test("a watch message also names cameras that appear later", async () => {
  const { show, camera, receive } = setUp();
  receive({ type: "watch", cameras: ["side"] });
  await show("front", "side");
  assertEquals([camera("front").viewers.size, camera("side").viewers.size], [0, 1]);
  receive({ type: "watch", cameras: [] });
  await show("front", "side", "yard");
  assertEquals([camera("side").viewers.size, camera("yard").viewers.size], [0, 0]);
});

Deno.test("a camera that disappears is left at once, and its frame in flight needs no acknowledgement", async () => {
  const { list, clock, camera, socket, session, paint } = setUp();
  const front = camera("front"), back = camera("back");
  front.emit(1);
  front.emit(2);
  front.emit(3); // drops 2
  list.set([back]);
  assertEquals(front.viewers.size, 0);
  front.emit(4);
  paint(0, 1);
  await clock.advance(UPDATED);
  paint(0, 1);
  assertEquals([socket.frames, socket.closed], [[[0, 1]], undefined]);
  assertEquals([session.sent, session.dropped], [1, 1]);
  back.emit(7);
  paint(1, 7);
  assertEquals([socket.frames, session.sent], [[[0, 1], [1, 7]], 2]);
});

Deno.test("a camera that returns, also as another object, has its index and sends its newest frame", async () => {
  const { list, clock, camera, show, socket, paint } = setUp();
  camera("front").emit(1);
  await show("back");
  await show("front", "back");
  assertEquals(socket.frames, [[0, 1], [0, 1]]);
  paint(0, 1);
  const other = new FakeCamera("front");
  list.set([other, camera("back")]);
  await clock.advance(UPDATED);
  other.emit(1);
  assertEquals(socket.frames, [[0, 1], [0, 1], [0, 1]]);
  assertEquals(camera("front").viewers.size, 0);
});

Deno.test("a camera that is replaced within one turn disappears for the client first", async () => {
  const { list, camera, lists } = setUp();
  list.set([new FakeCamera("front"), camera("back")]);
  await settle();
  assertEquals(lists(), ["0 front, 1 back", "1 back", "0 front, 1 back"]);
});

Deno.test("a camera may be closed in the turn in which it leaves the list; one in the list ends the session", async () => {
  const { list, camera, clock, socket } = setUp({ names: ["front", "back", "side"] });
  camera("front").end();
  list.set([camera("back"), camera("side")]);
  list.set([camera("side")]);
  camera("back").end();
  await clock.advance(UPDATED);
  assertEquals(socket.closed, undefined);
  camera("side").end();
  await settle();
  assertEquals(socket.closed?.code, 1001);
});

Deno.test("a client hears a camera that it listens to whenever it appears", async () => {
  const { show, sounds, socket, receive } = setUp({ names: ["back"], watch: [] });
  const front = sounds.get("front")!, side = sounds.get("side")!;
  receive({ type: "listen", cameras: ["front"] });
  await show("back", "front", "side");
  assertEquals([front.listeners.size, side.listeners.size], [1, 0]);
  front.emit(0);
  assertEquals(messages(socket, MESSAGE_KIND.SOUND), [[1, 1]]);
  await show("back", "side");
  assertEquals(front.listeners.size, 0);
  await show("front");
  assertEquals(front.listeners.size, 1);
});

Deno.test("the replay of a camera that disappears ends, and the others go on", async () => {
  const { show, clock, socket, recorded, receive, paint } = setUp();
  const frames = () => messages(socket, MESSAGE_KIND.RECORDED_FRAME);
  receive({ type: "replay", cameras: ["front", "back"], at: BEGIN + 1_000, speed: 1, id: 1 });
  await clock.advance(0);
  assertEquals([frames(), recorded.open], [[[0, 1], [1, 1]], 2]);
  await show("back");
  assertEquals(recorded.open, 1);
  paint(0, 1, true);
  paint(1, 1, true);
  await clock.advance(0);
  assertEquals(frames(), [[0, 1], [1, 1], [1, 2]]);
});

Deno.test("a camera that returns is live until the client replays it; it joins the playhead of the others", async () => {
  const { show, clock, socket, camera, receive, paint } = setUp();
  const at = BEGIN + 1_000;
  const states = () => socket.texts.filter(({ type }) => type === "replay");
  receive({ type: "replay", cameras: ["front", "back"], at, speed: 1, id: 1 });
  await clock.advance(0);
  await show("back");
  await show("front", "back");
  assertEquals(camera("front").viewers.size, 1);
  paint(1, 1, true);
  await clock.advance(0);
  const position = at + 2 * UPDATED;
  const before = states().length;
  receive({ type: "replay", cameras: ["front", "back"], at: null, speed: 1, id: 1 });
  assertEquals(camera("front").viewers.size, 0);
  await clock.advance(0);
  const state = { type: "replay", id: 1, state: "playing", at: position, speed: 1 };
  assertEquals(states().slice(before), [{ ...state, camera: 1 }, { ...state, camera: 0 }]);
  const recorded = socket.sent.filter((message) => message[0] === MESSAGE_KIND.RECORDED_FRAME)
    .map((message) => new DataView((message as Uint8Array<ArrayBuffer>).buffer));
  const last = recorded.at(-1)!;
  assertEquals([last.getUint16(2), last.getFloat64(8)], [0, position]);
  // The other camera goes on: its frame of before is still in flight.
  assertEquals(recorded.filter((header) => header.getUint16(2) === 1).length, 2);
});

Deno.test("cameras that appear while others are paused show the frame at the playhead", async () => {
  const { show, clock, socket, receive, paint } = setUp({ names: ["back"] });
  receive({ type: "replay", cameras: ["back"], at: BEGIN + 1_030, speed: 0, id: 3 });
  await clock.advance(0);
  paint(0, 1, true);
  await show("back", "front");
  receive({ type: "replay", cameras: ["front", "back"], at: null, speed: 0, id: 3 });
  await clock.advance(0);
  assertEquals(messages(socket, MESSAGE_KIND.RECORDED_FRAME), [[0, 1], [1, 1]]);
  const states = socket.texts.filter(({ type }) => type === "replay");
  assertEquals(
    states.map(({ camera, state, at }) => [camera, state, at]),
    [[0, "paused", BEGIN + 1_000], [0, "paused", BEGIN + 1_000], [1, "paused", BEGIN + 1_000]],
  );
});

Deno.test("a client that does not read is not sent lists or frames of new cameras until it does", async () => {
  const { list, clock, camera, socket, receive, lists } = setUp({ names: [] });
  let appeared = 0;
  const send = socket.send.bind(socket);
  socket.send = (message) => {
    socket.bufferedAmount += message.length;
    send(message);
  };
  for (; appeared < 200; appeared++) {
    const stranger = new FakeCamera(`stranger-${appeared}`);
    stranger.latest = { jpeg: new Uint8Array(10_000), sequence: 1, capturedAt: 0, monotonic: 0 };
    list.set([stranger]);
    await clock.advance(UPDATED);
  }
  assertLess(socket.bufferedAmount, 50_000);
  assertEquals(list.all[0]!.viewers.size, 0);
  list.set([camera("front")]);
  await clock.advance(UPDATED);
  socket.bufferedAmount = 0;
  const before = lists().length;
  receive({ type: "ping", id: 1 });
  assertEquals([lists().length, camera("front").viewers.size], [before + 2, 1]);
});

Deno.test("a client on a slow link is not taken for one that does not read when large frames' cameras disappear", async () => {
  const { list, clock, camera, socket, receive } = setUp();
  const jpeg = new Uint8Array(2_000_000);
  for (const viewer of camera("front").viewers) {
    viewer.offer({ jpeg, sequence: 1, capturedAt: 0, monotonic: 0 });
  }
  socket.bufferedAmount = jpeg.length;
  list.set([camera("back")]);
  await clock.advance(UPDATED);
  receive({ type: "ping", id: 1 });
  assertEquals(socket.closed, undefined);
  // Once the frame has left, it makes no room for anything else.
  socket.bufferedAmount = 0;
  receive({ type: "ping", id: 2 });
  socket.bufferedAmount = jpeg.length;
  receive({ type: "ping", id: 3 });
  assertEquals(socket.closed?.code, 1008);
});

Deno.test("a session that has ended leaves the cameras, the list, and a change that is being sent", async () => {
  const { list, camera, clock, socket, session } = setUp();
  list.set([camera("front"), camera("side")]);
  session.end();
  const sent = socket.sent.length;
  await clock.advance(UPDATED);
  list.set([camera("front"), camera("yard")]);
  await clock.advance(UPDATED);
  assertEquals(socket.sent.length, sent);
  for (const name of ["front", "side", "yard"]) assertEquals(camera(name).viewers.size, 0);
});

Deno.test("sessions share the message of a frame, also if they have begun with other lists", async () => {
  const { show, camera, socket, connect } = setUp({ names: ["front"] });
  await show("back", "front");
  const other = connect();
  const frame = camera("back").emit(1);
  const [mine, theirs] = [socket, other.socket].map(({ sent }) => sent.at(-1));
  assert(mine === theirs);
  assertEquals(other.socket.frames, [[1, 1]]);
  // Another server's index is another message.
  assert(frameMessage(frame, 9) !== mine);
  assertEquals(new DataView(frameMessage(frame, 9).buffer).getUint16(2), 9);
});

Deno.test("CameraIndexes gives 65,536 names an index; after that, a new name ends the session with a reason", async () => {
  const indexes = new CameraIndexes();
  for (let i = 0; i < 65_535; i++) assertEquals(indexes.of(`camera-${i}`), i);
  const clock = new ManualClock(), socket = new FakeSocket();
  const cameras = new MutableCameraList([new FakeCamera("last")]);
  new LiveSession({ socket, cameras, indexes, status: () => ({}), clock }).start();
  assertEquals([socket.texts[0].cameras, indexes.isFull], [[{ index: 65_535 }], true]);
  assertEquals(indexes.of("camera-7"), 7);
  cameras.set([new FakeCamera("camera-7"), new FakeCamera("one-more")]);
  await settle();
  assertEquals(socket.closed?.code, 1012);
  assert(socket.closed!.reason.length <= 123);
});
