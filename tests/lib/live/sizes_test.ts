import { assertEquals } from "@std/assert";
import { CameraError } from "../../../lib/errors.ts";
import type { FeedCamera } from "../../../lib/live/feed_camera.ts";
import { ManualClock, settle } from "../../manual_clock.ts";
import { FakeCamera, FakeSocket, startSession } from "./fake_camera.ts";

/** Requests for a feed that a test answers by hand. */
class FakeFeeds {
  readonly requests: { height: number; answer: PromiseWithResolvers<FeedCamera> }[] = [];

  readonly feedOf = (_camera: FakeCamera, height: number): Promise<FeedCamera> => {
    const answer = Promise.withResolvers<FeedCamera>();
    this.requests.push({ height, answer });
    return answer.promise;
  };

  get heights(): number[] {
    return this.requests.map(({ height }) => height);
  }

  /** Answers the latest request. */
  async resolve(feed: FeedCamera): Promise<void> {
    this.requests.at(-1)!.answer.resolve(feed);
    await settle();
  }

  /** Rejects the latest request. */
  async reject(error: Error): Promise<void> {
    this.requests.at(-1)!.answer.reject(error);
    await settle();
  }
}

/** A session with a camera and two renditions of it. */
function setUp() {
  const front = new FakeCamera("front"),
    half = new FakeCamera("front"),
    small = new FakeCamera("front");
  const feeds = new FakeFeeds();
  const clock = new ManualClock();
  const socket = new FakeSocket();
  const session = startSession({ socket, cameras: [front], clock, feedOf: feeds.feedOf });
  const receive = (message: unknown) => session.receive(JSON.stringify(message));
  const watch = (height?: number, more = {}) => {
    const heights = height === undefined ? undefined : { front: height };
    receive({ type: "watch", cameras: ["front"], heights, ...more });
  };
  const paint = (sequence: number) => receive({ type: "painted", camera: 0, sequence });
  const sequences = () => socket.frames.map(([, sequence]) => sequence);
  const viewers = () => [front, half, small].map((camera) => camera.viewers.size);
  return {
    front,
    half,
    small,
    feeds,
    clock,
    socket,
    session,
    receive,
    watch,
    paint,
    sequences,
    viewers,
  };
}

/** Has a camera emit a frame, captured at its sequence number in milliseconds. */
function emit(camera: FakeCamera, sequence: number) {
  return camera.emit(sequence, sequence);
}

Deno.test("a client that names a height gets frames of that size only, from the first one on", async () => {
  const { front, half, feeds, watch, sequences, viewers } = setUp();
  watch(360);
  emit(front, 1);
  emit(front, 2);
  assertEquals([feeds.heights, sequences(), viewers()], [[360], [], [1, 0, 0]]);
  await feeds.resolve(half);
  emit(front, 3);
  assertEquals([sequences(), viewers()], [[], [1, 1, 0]]);
  emit(half, 3);
  assertEquals([sequences(), viewers()], [[3], [0, 1, 0]]);
  assertEquals([front.dropped, half.dropped], [0, 0]);
});

Deno.test("a client gets the camera's own frames if the size takes longer than 500 ms", async () => {
  const { front, clock, watch, paint, sequences } = setUp();
  watch(360);
  emit(front, 1);
  await clock.advance(500);
  emit(front, 2);
  assertEquals(sequences(), []);
  await clock.advance(1);
  emit(front, 3);
  assertEquals(sequences(), [3]);
  paint(3);
  emit(front, 4);
  assertEquals(sequences(), [3, 4]);
});

Deno.test("frames of the previous size go on until the first one of the new size", async () => {
  const { front, half, small, feeds, watch, paint, sequences, viewers } = setUp();
  watch();
  emit(front, 1);
  paint(1);
  watch(360);
  emit(front, 2);
  paint(2);
  await feeds.resolve(half);
  emit(front, 3);
  paint(3);
  assertEquals([sequences(), viewers()], [[1, 2, 3], [1, 1, 0]]);
  emit(half, 3); // the client has this picture
  assertEquals([sequences(), viewers()], [[1, 2, 3], [0, 1, 0]]);
  emit(half, 4);
  paint(4);
  watch(180);
  emit(half, 5);
  await feeds.resolve(small);
  assertEquals(viewers(), [0, 1, 1]);
  emit(small, 5);
  paint(5);
  emit(small, 6);
  assertEquals([sequences(), viewers()], [[1, 2, 3, 4, 5, 6], [0, 0, 1]]);
  paint(6);
  watch();
  emit(front, 6);
  emit(front, 7);
  assertEquals([sequences(), viewers()], [[1, 2, 3, 4, 5, 6, 7], [1, 0, 0]]);
});

Deno.test("a frame of the previous size that waits is not sent after one of the new size", async () => {
  const { front, half, feeds, watch, paint, sequences } = setUp();
  watch();
  emit(front, 1);
  emit(front, 2);
  watch(360);
  await feeds.resolve(half);
  emit(half, 3);
  paint(1);
  assertEquals(sequences(), [1, 3]);
  assertEquals([front.painted.length, half.painted.length], [1, 0]);
  paint(3);
  assertEquals([front.painted.length, half.painted.length], [1, 1]);
});

Deno.test("only the last of several selected sizes is joined", async () => {
  const { front, half, small, feeds, watch, sequences, viewers } = setUp();
  watch();
  watch(360);
  const [first] = feeds.requests;
  watch(180);
  await feeds.resolve(small);
  first!.answer.resolve(half);
  await settle();
  assertEquals([feeds.heights, viewers()], [[360, 180], [1, 0, 1]]);
  watch(180);
  assertEquals(feeds.heights, [360, 180]);
  watch();
  assertEquals(viewers(), [1, 0, 0]);
  emit(small, 1);
  emit(front, 2);
  assertEquals(sequences(), [2]);
});

Deno.test("a session that ends, or no longer watches, leaves all sizes, also those that come late", async () => {
  const { front, half, small, feeds, session, watch, receive, viewers } = setUp();
  watch(360);
  await feeds.resolve(half);
  emit(half, 1);
  watch(180);
  await feeds.resolve(small);
  assertEquals(viewers(), [0, 1, 1]);
  receive({ type: "watch", cameras: [] });
  assertEquals(viewers(), [0, 0, 0]);
  watch(360);
  assertEquals(viewers(), [1, 0, 0]);
  session.end();
  await feeds.resolve(half);
  assertEquals(viewers(), [0, 0, 0]);
  emit(front, 2);
});

Deno.test("a client is told why a size is not available, and gets the camera's own frames", async () => {
  const { front, half, feeds, socket, watch, sequences, viewers } = setUp();
  watch(360);
  emit(front, 1);
  await feeds.reject(new Error("Too many sizes"));
  const size = { type: "size", camera: 0, height: 360, reason: "Too many sizes" };
  assertEquals([socket.texts, sequences(), socket.closed], [[size], [1], undefined]);
  watch(360); // another try
  await feeds.resolve(half);
  assertEquals([feeds.heights, viewers()], [[360, 360], [1, 1, 0]]);
});

Deno.test("a size is requested again when a failing camera delivers frames", async () => {
  const { front, half, feeds, clock, socket, watch, viewers } = setUp();
  watch(360);
  await feeds.reject(new CameraError("No picture"));
  emit(front, 1);
  assertEquals([feeds.heights, socket.texts], [[360], []]);
  await clock.advance(1_000);
  emit(front, 2);
  await feeds.resolve(half);
  emit(half, 3);
  assertEquals([feeds.heights, viewers()], [[360, 360], [0, 1, 0]]);
});

Deno.test("when the pictures of a size end, the camera's own follow, and no older one", async () => {
  const { front, half, feeds, socket, watch, paint, sequences, viewers } = setUp();
  watch(360);
  await feeds.resolve(half);
  emit(front, 5);
  emit(half, 6);
  paint(6);
  for (const viewer of [...half.viewers]) {
    half.viewers.delete(viewer);
    viewer.end({ reason: new Error("Progressive JPEG") });
  }
  emit(front, 7);
  assertEquals([sequences(), viewers()], [[6, 7], [1, 0, 0]]);
  assertEquals(socket.texts.map(({ type, reason }) => [type, reason]), [[
    "size",
    "Progressive JPEG",
  ]]);
});

Deno.test("a session ends when a camera has ended while the client watches another size", async () => {
  const { front, half, feeds, socket, watch, viewers } = setUp();
  watch(360);
  await feeds.resolve(half);
  emit(half, 1);
  front.join = (viewer) => viewer.end();
  half.end();
  await settle();
  assertEquals([socket.closed?.code, viewers()], [1001, [0, 0, 0]]);
});

Deno.test("the camera's own frames follow at the next ping when a size cannot be made", async () => {
  const { front, half, small, feeds, socket, watch, receive, paint, sequences, viewers } = setUp();
  const ping = () => receive({ type: "ping", id: 1 });
  watch(360);
  await feeds.resolve(half);
  half.error = new CameraError("Cannot convert");
  front.error = new CameraError("No picture"); // that is why
  ping();
  assertEquals(viewers(), [1, 1, 0]);
  front.error = undefined;
  emit(front, 1);
  ping();
  assertEquals([sequences(), viewers()], [[1], [1, 0, 0]]);
  paint(1);
  watch(180);
  await feeds.resolve(small);
  emit(small, 2);
  small.error = half.error;
  ping();
  emit(front, 3);
  assertEquals([sequences(), viewers()], [[1, 2], [1, 0, 0]]);
  const sizes = socket.texts.filter(({ type }) => type === "size");
  assertEquals(sizes.map(({ height, reason }) => [height, reason]), [
    [360, "Cannot convert"],
    [180, "Cannot convert"],
  ]);
});

Deno.test("a session without renditions ignores heights", () => {
  const front = new FakeCamera("front");
  const socket = new FakeSocket();
  const session = startSession({ socket, cameras: [front], clock: new ManualClock() });
  session.receive('{"type":"watch","cameras":["front"],"heights":{"front":360}}');
  front.emit(1);
  assertEquals(socket.frames, [[0, 1]]);
});

Deno.test("LiveSession.start sends the sizes that the address names, also of cameras that appear", () => {
  const { front, feeds, session } = setUp();
  session.watch(["front", "back"], { heights: new Map([["front", 180], ["back", 90]]) });
  assertEquals(feeds.heights, [180]);
  assertEquals(front.viewers.size, 1);
});

Deno.test("LiveSession closes after malformed heights", () => {
  const malformed = [
    `[]`,
    `null`,
    `"360"`,
    `{"front":0}`,
    `{"front":-1}`,
    `{"front":1.5}`,
    `{"front":"360"}`,
    `{"front":65536}`,
    `{"front":360,"back":360}`,
  ];
  for (const heights of malformed) {
    const { session, socket } = setUp();
    session.receive(`{"type":"watch","cameras":["front"],"heights":${heights}}`);
    assertEquals([heights, socket.closed?.code], [heights, 1008]);
  }
});

Deno.test("a client with a long round trip gets several frames in flight, unless one has not left yet", async () => {
  const { front, clock, socket, watch, paint, sequences } = setUp();
  watch();
  const step = async (sequence: number) => {
    await clock.advance(30);
    emit(front, sequence);
    // An acknowledgement comes after 120 ms.
    if (sequence > 4 && sequences().includes(sequence - 4)) paint(sequence - 4);
  };
  for (let sequence = 1; sequence <= 60; sequence++) await step(sequence);
  assertEquals(sequences().slice(-10), Array.from({ length: 10 }, (_, i) => 51 + i));
  paint(57);
  emit(front, 61); // no acknowledgement before the next frames
  socket.bufferedAmount = 1; // of frame 61
  emit(front, 62);
  assertEquals(sequences().at(-1), 61);
  socket.bufferedAmount = 0;
  emit(front, 63);
  assertEquals(sequences().at(-1), 63);
});
