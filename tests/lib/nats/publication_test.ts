import { assert, assertAlmostEquals, assertEquals, assertLess, assertMatch } from "@std/assert";
import { CameraError } from "../../../lib/errors.ts";
import { FRAME_HEADER, LANES, LEASE, MAX_JSON, wantSubject } from "../../../lib/nats/protocol.ts";
import { type FakeClient, FakeHub } from "../../fake_bus.ts";
import { FakeEdge, type FakeEdgeOptions, listenToBeats, type ReceivedFrame } from "./fake_edge.ts";
import { FRAME_BYTES, jpegOf, setUpCamera, setUpPublisher } from "./origin.ts";

interface Options {
  /** The origin's link. */
  delay?: number;
  rate?: number;
  interval?: number;
  idleTimeout?: number;
  fps?: number;
  /** Time after which the origin hears of a new connection, in milliseconds. */
  notice?: number;
}

function setUp({ delay, rate, notice = 0, ...options }: Options = {}) {
  const hub = new FakeHub();
  const client = hub.connect({ delay, rate });
  if (notice > 0) delayNotice(client, notice);
  const { clock } = client;
  const { camera, capture } = setUpCamera({ clock, ...options });
  const observer = hub.connect();
  const beats = listenToBeats(observer);
  const origin = setUpPublisher({ bus: client, clock, cameras: [camera] });
  const connect = (
    edge: Omit<FakeEdgeOptions, "bus" | "clock"> & { delay?: number; rate?: number } = {},
  ) => new FakeEdge({ clock: hub.clock, bus: hub.connect(edge), ...edge });
  const stats = () => origin.publisher.publication("front")!;
  const dispose = async () => {
    origin.publisher[Symbol.dispose]();
    const closed = camera.close();
    await hub.advance(1_000);
    await closed;
    assertEquals(hub.thrown, []);
  };
  return {
    ...{ hub, client, clock, camera, capture, beats, observer, connect, stats },
    ...origin,
    [Symbol.asyncDispose]: dispose,
  };
}

/** Makes a client tell only some time after a reconnect that it is connected. */
function delayNotice(client: FakeClient, ms: number): void {
  const onConnection = client.onConnection.bind(client);
  client.onConnection = (onChange) =>
    onConnection((connected) => {
      if (connected) client.clock.sleep(ms).then(() => onChange(true));
      else onChange(false);
    });
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? NaN;
}

function ages(frames: readonly ReceivedFrame[]): number[] {
  return frames.map(({ age }) => age);
}

Deno.test("Publication runs the camera, and sends frames, only while an edge watches", async () => {
  await using it = setUp();
  await it.hub.advance(5_000);
  assertEquals([it.capture.opened, it.hub.received["dinocam.frame"]], [0, undefined]);
  const edge = it.connect();
  await it.hub.advance(1_000);
  assert(it.capture.running);
  assertLess(28, edge.frames.length);
  assertEquals(it.stats().edges, 1);
  assertEquals(edge.frames.at(-1)!.bytes, it.capture.jpeg.length);
  edge.stop();
  await it.hub.advance(100);
  assertEquals(it.stats().edges, 0);
  const { frames } = it.stats();
  await it.hub.advance(9_000);
  assert(it.capture.running); // IDLE_SECONDS
  await it.hub.advance(1_500);
  assert(!it.capture.running);
  assertEquals(it.stats().frames, frames);
});

Deno.test("Publication counts as no viewer of its camera", async () => {
  await using it = setUp();
  it.connect();
  await it.hub.advance(500);
  const { viewers, backgroundSubscribers } = it.camera.stats();
  assertEquals([viewers, backgroundSubscribers], [0, 1]);
});

Deno.test("Publication leaves the camera LEASE after an edge has ended without a word", async () => {
  await using it = setUp({ idleTimeout: 0 });
  const edge = it.connect();
  await it.hub.advance(2_500);
  edge.stop({ bye: false });
  const after = await it.hub.until(() => !it.capture.running);
  assertLess(LEASE - 1_000, after);
  assertLess(after, LEASE + 1_000);
  assertEquals(it.stats().edges, 0);
});

Deno.test("Publication keeps the camera for an edge that says it is still there", async () => {
  await using it = setUp({ interval: Infinity, fps: 0.01, idleTimeout: 0 });
  const edge = it.connect();
  await it.hub.advance(30_000);
  assertEquals([it.stats().edges, it.capture.running, edge.frames.length], [1, true, 0]);
});

Deno.test("Publication sends a frame once for three edges on an uplink of 500 KB/s", async () => {
  await using it = setUp({ rate: 500_000 });
  const edges = [it.connect(), it.connect({ delay: 5 }), it.connect({ delay: 20 })];
  await it.hub.advance(3_000);
  const [start, before] = [it.hub.clock.monotonic(), it.stats().frames];
  await it.hub.advance(30_000);
  const received = edges.map((edge) => edge.since(start));
  const sent = it.stats().frames - before;
  for (const frames of received) {
    assertLess(3.8, frames.length / 30);
    assertLess(percentile(ages(frames), 0.99), 400);
    assertLess(sent, 1.1 * frames.length);
    assertAlmostEquals(frames.length, received[0]!.length, 0.05 * received[0]!.length);
  }
});

Deno.test("Publication serves an edge on a thin link beside good ones", async () => {
  await using it = setUp();
  const good = it.connect({ lanes: 2 });
  const thin = it.connect({ rate: 500_000 });
  await it.hub.advance(3_000);
  const start = it.hub.clock.monotonic();
  await it.hub.advance(20_000);
  assertLess(29, good.since(start).length / 20);
  assertLess(percentile(ages(good.since(start)), 0.99), 10);
  assertLess(4, thin.since(start).length / 20);
  assertLess(percentile(ages(thin.since(start)), 0.99), 300);
});

Deno.test("Publication serves a near edge and a far one at the camera's rate", async () => {
  await using it = setUp({ rate: 50_000_000 });
  const near = it.connect({ lanes: 2, delay: 1 });
  const far = it.connect({ lanes: LANES, delay: 100 });
  await it.hub.advance(3_000);
  const start = it.hub.clock.monotonic();
  await it.hub.advance(20_000);
  assertLess(29, near.since(start).length / 20);
  assertLess(29, far.since(start).length / 20);
  assertLess(percentile(ages(far.since(start)), 0.99), 100 + 50);
});

Deno.test("Publication reaches the camera's rate with a round-trip time of 200 ms", async () => {
  await using it = setUp({ delay: 50 });
  const edge = it.connect({ lanes: LANES, delay: 50 });
  await it.hub.advance(3_000);
  const start = it.hub.clock.monotonic();
  await it.hub.advance(10_000);
  const frames = edge.since(start);
  assertLess(29, frames.length / 10);
  assertLess(percentile(ages(frames), 0.99), 150);
  assertEquals(frames.at(-1)!.roundTrip, 100);
});

Deno.test("Publication measures its round-trip time on the idle link only", async () => {
  await using it = setUp({ delay: 20, rate: 500_000 });
  const edge = it.connect();
  await it.hub.advance(20_000);
  assertEquals(new Set(edge.frames.slice(2).map(({ roundTrip }) => roundTrip)), new Set([40]));
});

Deno.test("Publication uses an uplink that is long and thin", async () => {
  await using it = setUp({ delay: 200, rate: FRAME_BYTES / 0.04 });
  const edge = it.connect({ lanes: LANES });
  await it.hub.advance(10_000);
  const start = it.hub.clock.monotonic();
  await it.hub.advance(10_000);
  // The lanes are the limit: a frame takes 40 ms, the way 400 ms.
  assertLess(0.9 * LANES / 0.44, edge.since(start).length / 10);
  assertLess(percentile(ages(edge.since(start)), 0.99), 200 + 40 + 200);
});

/** Links of the origin: one-way delay, time that a frame takes, lanes of each edge. */
const LINKS = [[100, 1, 1], [100, 1, 4], [10, 90, 1], [50, 50, 2], [0, 45, 2], [
  10,
  90,
  3,
]] as const;

Deno.test("Publication sends each frame once for edges that have room at different times", async () => {
  for (const [delay, transfer, lanes] of LINKS) {
    await using it = setUp({ delay, rate: FRAME_BYTES / transfer * 1000 });
    const edges = [0, 20, 45].map((delay) => it.connect({ delay, lanes }));
    await it.hub.advance(3_000);
    const [start, before] = [it.hub.clock.monotonic(), it.stats().frames];
    await it.hub.advance(20_000);
    const sent = it.stats().frames - before;
    for (const edge of edges) {
      const link = `${delay} ms, ${transfer} ms, ${lanes} lanes`;
      assertLess(sent, 1.1 * edge.since(start).length, link);
      const roundTrips = new Set(edge.since(start).map(({ roundTrip }) => roundTrip));
      assertEquals(roundTrips, new Set([2 * delay]), link);
    }
  }
});

Deno.test("Publication sends a frame again, for edges without room on its lane, on a fast uplink only", async () => {
  for (const [transfer, times] of [[2, 2], [100, 1]] as const) {
    await using it = setUp({ rate: FRAME_BYTES / transfer * 1000, interval: 250 });
    it.connect();
    await it.hub.advance(3_010);
    const [before, seen] = [it.stats().frames, it.camera.stats().frames];
    for (let i = 0; i < 40; i++) {
      it.observer.publish(wantSubject("front"), JSON.stringify({ edge: "other", lane: 7 }));
      await it.hub.advance(250);
    }
    const expected = times * (it.camera.stats().frames - seen);
    assertAlmostEquals(it.stats().frames - before, expected, 2, `${transfer} ms`);
  }
});

Deno.test("Publication adapts to a round-trip time that grows while frames flow", async () => {
  await using it = setUp({ rate: 50_000_000, delay: 1 });
  const edge = it.connect({ lanes: LANES });
  await it.hub.advance(10_000);
  for (const delay of [100, 250]) {
    it.client.setLink({ delay });
    await it.hub.advance(10_000);
    const start = it.hub.clock.monotonic();
    await it.hub.advance(10_000);
    const possible = Math.min(30, LANES * 1000 / (2 * delay));
    assertLess(0.95 * possible, edge.since(start).length / 10);
  }
});

Deno.test("Publications share the uplink: frames of four cameras do not wait for each other", async () => {
  const hub = new FakeHub();
  const bus = hub.connect({ rate: 500_000 });
  const names = ["a", "b", "c", "d"];
  const cameras = names.map((name) => setUpCamera({ name, clock: bus.clock }).camera);
  using publisher = setUpPublisher({ bus, clock: bus.clock, cameras }).publisher;
  const edges = names.map((camera) =>
    new FakeEdge({ clock: hub.clock, bus: hub.connect(), camera })
  );
  await hub.advance(5_000);
  const start = hub.clock.monotonic();
  await hub.advance(40_000);
  for (const edge of edges) {
    const frames = edge.since(start);
    assertAlmostEquals(frames.length / 40, 500_000 / FRAME_BYTES / 4, 0.1);
    assertLess(percentile(ages(frames), 0.99), 350);
  }
  assert(publisher.publication("a"));
  await Promise.all([hub.advance(1_000), ...cameras.map((camera) => camera.close())]);
});

Deno.test("Publication sends the newest frame to a newcomer, though others have had it", async () => {
  await using it = setUp({ interval: 5_000, fps: 0.2 });
  const first = it.connect();
  await it.hub.advance(11_000); // two frames: the rate is known
  assertEquals(first.frames.length, 3);
  const second = it.connect();
  await it.hub.advance(100);
  assertEquals(second.frames.map(({ sequence }) => sequence), [3]);
  assertEquals(new Set(first.frames.map(({ sequence }) => sequence)).size, 3);
});

Deno.test("Publication repeats a frame for an edge that asks again, but not more than every second", async () => {
  await using it = setUp({ interval: 5_000, fps: 0.2 });
  const edge = it.connect();
  await it.hub.advance(10_100);
  const { length } = edge.frames;
  edge.want({ lane: 0, new: true });
  await it.hub.advance(500);
  assertEquals(edge.frames.length, length);
  await it.hub.advance(1_000);
  edge.want({ lane: 0, new: true });
  await it.hub.advance(100);
  assertEquals(edge.frames.length, length + 1);
});

Deno.test("Publication sends no frame that is old, neither to a newcomer nor late", async () => {
  await using it = setUp();
  const first = it.connect();
  await it.hub.advance(2_000);
  it.capture.interval = Infinity; // it stalls
  await it.hub.advance(1_000);
  const second = it.connect();
  await it.hub.advance(1_000);
  assertEquals(second.frames.length, 0);
  assertLess(0, first.frames.length);
});

Deno.test("Publication sends no frame of before to edges after the origin was frozen", async () => {
  await using it = setUp({ idleTimeout: Infinity });
  const edge = it.connect();
  await it.hub.advance(2_000);
  it.client.freeze();
  await it.hub.advance(8_000);
  const start = it.hub.clock.monotonic();
  it.client.thaw();
  await it.hub.advance(2_000);
  assertLess(50, edge.since(start).length);
  assertLess(Math.max(...ages(edge.since(start))), 100);
});

Deno.test("Publication sends nothing from before the loss of the connection, and resumes at once", async () => {
  await using it = setUp({ rate: 500_000 });
  const edge = it.connect();
  await it.hub.advance(2_000);
  it.client.cut();
  await it.hub.advance(2_000);
  it.client.disconnect();
  const { frames } = it.stats();
  await it.hub.advance(1_000);
  assertEquals(it.stats().frames, frames);
  const start = it.hub.clock.monotonic();
  it.client.reconnect();
  const beats = it.beats.length;
  await it.hub.advance(50);
  assertEquals(it.beats.length, beats + 1); // at once
  await it.hub.advance(2_000);
  const later = edge.since(start);
  assertLess(3, later.length);
  assertLess(Math.max(...ages(later)), 400);
  assertLess(later[0]!.arrivedAt - start, 1_500); // the edge asks again after a second
});

Deno.test("Publication counts no room on lanes that were wanted before the loss of the connection", async () => {
  await using it = setUp();
  const edge = it.connect({ lanes: LANES });
  await it.hub.advance(1_000);
  edge.stop({ bye: false });
  it.hub.stop();
  it.hub.start();
  const { frames } = it.stats();
  it.client.reconnect();
  await it.hub.advance(2_000);
  assertEquals(it.stats().frames, frames);
  assertEquals(it.stats().edges, 1);
});

Deno.test("Publication takes a want that comes before it hears of the new connection", async () => {
  await using it = setUp({ interval: Infinity, fps: 0.01, notice: 100 });
  const edge = it.connect();
  await it.hub.advance(100);
  it.client.disconnect();
  it.client.reconnect();
  edge.want({ lane: 0 });
  await it.hub.advance(150);
  it.capture.interval = 10_000;
  await it.hub.advance(200);
  assertEquals(edge.frames.length, 1);
});

Deno.test("Publication measures its round-trip time anew after the loss of the connection", async () => {
  await using it = setUp({ delay: 10 });
  const edge = it.connect({ lanes: LANES });
  await it.hub.advance(3_000);
  it.client.disconnect();
  it.client.setLink({ delay: 50 });
  it.client.reconnect();
  const start = it.hub.clock.monotonic();
  await it.hub.advance(2_500);
  assertEquals(
    new Set(edge.since(start).slice(2).map(({ roundTrip }) => roundTrip)),
    new Set([100]),
  );
});

Deno.test("Publication lets no frames queue on a new connection", async () => {
  await using it = setUp({ rate: 500_000 });
  const edge = it.connect({ lanes: 4 });
  await it.hub.advance(2_000);
  assertLess(Math.max(...ages(edge.frames)), 400);
  it.client.disconnect();
  it.client.reconnect();
  const start = it.hub.clock.monotonic();
  await it.hub.advance(3_000);
  assertLess(5, edge.since(start).length);
  assertLess(Math.max(...ages(edge.since(start))), 400);
});

Deno.test("Publication counts frames that are larger than max_payload, and says so once", async () => {
  await using it = setUp();
  it.hub.maxPayload = 100_000;
  const edge = it.connect();
  it.connect({ lanes: LANES });
  await it.hub.advance(1_000);
  assertEquals(edge.frames.length, 0);
  const { tooLarge, frames } = it.stats();
  assertEquals(tooLarge, it.camera.stats().frames);
  assertEquals(frames, 0);
  const size = it.capture.jpeg.length + FRAME_HEADER;
  assertEquals(it.lines.length, 1);
  assertMatch(it.lines[0]!, new RegExp(`^warn frames not published camera=front .*${size} bytes`));
  assertMatch(it.lines[0]!, /max_payload of 100000 bytes/);
  const beat = it.beats.at(-1)!;
  assertEquals(beat.state, "failed");
  assertMatch(beat.error!, /max_payload/);
  it.capture.jpeg = jpegOf(50_000);
  await it.hub.advance(1_000);
  assertLess(25, edge.frames.length);
  assertEquals(it.beats.at(-1)!.state, "streaming");
  assertEquals(it.stats().tooLarge, tooLarge);
});

Deno.test("Publication forgets that frames were too large when it connects again", async () => {
  await using it = setUp({ idleTimeout: 0 });
  it.hub.maxPayload = 100_000;
  const edge = it.connect();
  await it.hub.advance(1_000);
  edge.stop();
  await it.hub.advance(3_000);
  assertEquals(it.beats.at(-1)!.state, "failed");
  it.client.disconnect();
  it.hub.maxPayload = 8_000_000;
  it.client.reconnect();
  await it.hub.advance(100);
  assertEquals(it.beats.at(-1)!.state, "off");
});

const INVALID: readonly (string | Uint8Array<ArrayBuffer>)[] = [
  ...["", "{", "null", "7", "[]", '"edge"', "{}", '{"edge":1}', '{"edge":""}'],
  ...['{"edge":"a","lane":8}', '{"edge":"a","lane":-1}', '{"edge":"a","lane":0.5}'],
  ...['{"edge":"a","lane":"0"}', '{"edge":"a","lane":null}', '{"edge":"a","epoch":"1"}'],
  ...['{"edge":"a","new":1}', '{"edge":"a","bye":"yes"}', '{"edge":"a","epoch":1e999}'],
  `{"edge":"${"a".repeat(65)}"}`,
  `{"edge":"a"}${" ".repeat(MAX_JSON)}`,
  "[".repeat(MAX_JSON),
  new Uint8Array([0xff, 0xfe, 0x00]),
];

Deno.test("Publication ignores invalid wants, and logs them once a minute", async () => {
  await using it = setUp();
  for (const data of INVALID) it.observer.publish(wantSubject("front"), data);
  await it.hub.advance(1_000);
  assertEquals([it.stats().edges, it.capture.opened], [0, 0]);
  assertEquals(it.lines, ["warn invalid message from an edge ignored camera=front"]);
  await it.hub.advance(60_000);
  it.observer.publish(wantSubject("front"), "{");
  await it.hub.advance(100);
  assertEquals(it.lines.length, 2);
});

Deno.test("Publication counts at most 1000 edges, and serves the others, too", async () => {
  await using it = setUp();
  for (let i = 0; i < 1_500; i++) {
    it.observer.publish(wantSubject("front"), JSON.stringify({ edge: `edge${i}` }));
  }
  await it.hub.advance(100);
  assertEquals(it.stats().edges, 1_000);
  const edge = it.connect();
  await it.hub.advance(1_000);
  assertLess(25, edge.frames.length);
  await it.hub.advance(LEASE);
  assertEquals(it.stats().edges, 1); // the only one that still says something
});

Deno.test("Publication ignores edges that have chosen another origin", async () => {
  await using it = setUp();
  await it.hub.advance(100);
  const { epoch } = it.beats[0]!;
  it.connect({ epoch: epoch + 1 });
  await it.hub.advance(2_000);
  assertEquals([it.stats().edges, it.capture.opened], [0, 0]);
  const edge = it.connect({ epoch });
  await it.hub.advance(1_000);
  assertEquals(it.stats().edges, 1);
  edge.want({ epoch: epoch + 1 }); // it has chosen the other one
  await it.hub.advance(1);
  assertEquals(it.stats().edges, 0);
});

Deno.test("Publication tells the camera's state every two seconds, and a change at once", async () => {
  await using it = setUp({ idleTimeout: 0 });
  await it.hub.advance(9_900);
  assertEquals(it.beats.length, 5);
  const { epoch, now, monotonic, ...beat } = it.beats[0]!;
  assertEquals([now, monotonic], [Date.UTC(2026, 0, 1), 0]);
  assertAlmostEquals(epoch, now, 1);
  assertEquals(beat, {
    ...{ camera: "front", driver: "emulated", state: "off", fps: 0, watched: false },
  });
  const edge = it.connect();
  await it.hub.advance(600);
  const { state, watched } = it.beats.at(-1)!;
  assertEquals([state, watched], ["streaming", true]);
  await it.hub.advance(4_000);
  const last = it.beats.at(-1)!;
  assertEquals([last.size, last.epoch], ["640x480", epoch]);
  assertAlmostEquals(last.fps, 30, 0.5);
  edge.stop();
  await it.hub.advance(600);
  assertEquals([it.beats.at(-1)!.state, it.beats.at(-1)!.watched], ["off", false]);
});

Deno.test("Publication tells a changing state at most every 500 ms", async () => {
  await using it = setUp();
  const before = it.beats.length;
  for (let i = 0; i < 100; i++) {
    const edge = it.connect();
    await it.hub.advance(50);
    edge.stop();
    await it.hub.advance(50);
  }
  assertLess(it.beats.length - before, 21);
});

Deno.test("Publication tells why the camera fails, in 300 characters and an ellipsis", async () => {
  await using it = setUp();
  const reason = `Cannot open "/dev/video0"\n${"x".repeat(1000)}`;
  it.capture.error = new CameraError(reason, { hint: "a hint" });
  it.connect();
  await it.hub.advance(2_000);
  const beat = it.beats.at(-1)!;
  assertEquals([beat.state, beat.error!.length], ["failed", 301]);
  assertMatch(beat.error!, /^Cannot open "\/dev\/video0"\\nx+…$/);
});

Deno.test("Publication retries a permanent failure for a new edge, not for one that stays", async () => {
  await using it = setUp();
  it.camera.subscribe({ role: "background" }).next(); // the camera is not restarted for the edge
  it.capture.error = new CameraError("No such device", { permanent: true });
  await it.hub.advance(1_000);
  const edge = it.connect();
  await it.hub.advance(15_000);
  const { opened } = it.capture;
  await it.hub.advance(15_000);
  assertEquals(it.capture.opened, opened);
  it.capture.error = undefined;
  it.connect();
  await it.hub.advance(1_000);
  assertEquals(it.capture.opened, opened + 1);
  assertLess(25, edge.frames.length);
});

Deno.test("Publication uses less than 300 bytes per second while nobody watches", async () => {
  const hub = new FakeHub();
  const bus = hub.connect();
  const { camera } = setUpCamera({ clock: bus.clock });
  let bytes = 0;
  const publish = bus.publish.bind(bus);
  bus.publish = (subject, data, reply) => {
    bytes += subject.length + data.length + 20; // PUB, lengths, line ends
    return publish(subject, data, reply);
  };
  const flush = bus.flush.bind(bus);
  bus.flush = () => {
    bytes += 12; // PING, PONG
    return flush();
  };
  using publisher = setUpPublisher({ bus, clock: bus.clock, cameras: [camera] }).publisher;
  await hub.advance(100_000);
  assertLess(bytes / 100, 300);
  assertEquals(publisher.publication("front")!.edges, 0);
  await camera.close();
});

Deno.test("Publication is told as gone when it ends, and leaves its camera", async () => {
  await using it = setUp({ idleTimeout: 0 });
  it.connect();
  await it.hub.advance(500);
  assert(it.capture.running);
  it.publisher[Symbol.dispose]();
  await it.hub.advance(100);
  const { gone, camera } = it.beats.at(-1)!;
  assertEquals([gone, camera, it.capture.running], [true, "front", false]);
  const beats = it.beats.length;
  await it.hub.advance(5_000);
  assertEquals(it.beats.length, beats);
  assertEquals(it.client.subscriptions, 0);
});

Deno.test("Publication starts its camera again for edges after it was closed and is none", async () => {
  await using it = setUp();
  const edge = it.connect();
  await it.hub.advance(500);
  const closed = it.camera.close();
  const { length } = edge.frames;
  await it.hub.advance(3_000);
  await closed;
  assertEquals([edge.frames.length, it.capture.running], [length, false]);
});
