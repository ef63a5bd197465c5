import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { hasHeadroom } from "../../../lib/bytes.ts";
import { frameSubject } from "../../../lib/nats/protocol.ts";
import type { FakeClientOptions } from "../../fake_bus.ts";
import { FakeHub } from "../../fake_bus.ts";
import { FakeOrigin, type FakeOriginOptions } from "./fake_origin.ts";
import { oldest, quantile, TestEdge, type Viewing, type ViewingOptions } from "./watching.ts";

/** Links: one-way delay in milliseconds, bytes per second. */
const FAST = { delay: 0.2, rate: 100e6 };
const LINKS = {
  "a fast link": { origin: FAST, edge: FAST },
  "a thin edge": { origin: FAST, edge: { delay: 1, rate: 500e3 } },
  "a thin origin": { origin: { delay: 1, rate: 500e3 }, edge: FAST },
  "a long way": { origin: { delay: 50, rate: 100e6 }, edge: { delay: 50, rate: 100e6 } },
};
/** A frame of 720p. */
const SIZE = 113_948;

interface SetUpOptions extends FakeOriginOptions {
  origin?: FakeClientOptions;
  edge?: FakeClientOptions;
  watch?: Partial<ViewingOptions>;
  /** Time for which the edge watches, in milliseconds. @default {8_000} */
  duration?: number;
}

/** An edge that watches an origin. */
async function setUp(options: SetUpOptions = {}) {
  const { origin: link = FAST, edge: edgeLink = FAST, watch, duration = 8_000, ...rest } = options;
  const hub = new FakeHub();
  const client = hub.connect(link);
  const edge = new TestEdge(hub, hub.connect(edgeLink));
  // The edge hears a beat before it watches.
  edge.links.discover(new AbortController().signal)[Symbol.asyncIterator]();
  const origin = new FakeOrigin(client, { size: SIZE, ...rest });
  void edge.links.known;
  await hub.advance(500);
  const viewing = edge.watch(watch);
  await hub.advance(duration);
  return { hub, client, edge, origin, viewing, link };
}

/** Median and greatest age after `from`. */
function ages(viewing: Viewing, from = 0): { median: number; oldest: number } {
  const frames = viewing.between(from, Infinity);
  return { median: quantile(frames.map(({ age }) => age), 0.5), oldest: oldest(frames) };
}

Deno.test("an edge receives frames that are copied, with their time and space around them", async () => {
  const { edge, hub, origin, viewing } = await setUp({ size: 5_000 });
  assertEquals(viewing.frames[0]!.size, 5_000);
  const stop = new AbortController();
  const images = edge.links.watch({ source: "front", camera: "front" }, stop.signal);
  const next = images.next();
  await hub.advance(100);
  const image = (await next).value!;
  assert("jpeg" in image && hasHeadroom(image.jpeg));
  assertEquals(image.jpeg.subarray(0, 2), new Uint8Array([0xff, 0xd8]));
  assertLess(hub.clock.now() - image.capturedAt, 200);
  stop.abort();
  origin[Symbol.dispose]();
});

Deno.test("an edge gets every frame of a camera over a fast link, with two lanes", async () => {
  const { hub, edge, origin, viewing } = await setUp();
  const { median, oldest } = ages(viewing);
  assertLess(median, 5);
  assertLess(oldest, 40);
  assertGreater(viewing.between(4_000, 8_000).length, 118);
  const { lanes, frames, bytes, late, duplicate } = edge.links.link("front")!;
  assertEquals([lanes, late, duplicate], [2, 0, false]);
  assertEquals(frames, viewing.frames.length);
  assertGreater(bytes, frames * SIZE - 1);
  assertEquals(hub.thrown, []);
  origin[Symbol.dispose]();
});

Deno.test("three edges share a thin uplink: a frame crosses it once", async () => {
  const hub = new FakeHub();
  const origin = new FakeOrigin(hub.connect({ delay: 1, rate: 500e3 }), { size: SIZE });
  const edges = [1, 2, 3].map(() => new TestEdge(hub, hub.connect(FAST)));
  await hub.advance(100);
  const viewings = edges.map((edge) => edge.watch());
  await hub.advance(20_000);
  const counts = viewings.map(({ frames }) => frames.length);
  for (const viewing of viewings) {
    const { median, oldest } = ages(viewing, 1_000);
    assertLess(median, 260);
    assertLess(oldest, 400);
  }
  assertGreater(Math.min(...counts) / 20, 3.8);
  assertLess(Math.max(...counts) - Math.min(...counts), 3);
  assertLess(origin.sent, 1.1 * counts[0]!);
  origin[Symbol.dispose]();
});

Deno.test("a thin edge has one lane, and does not slow down another", async () => {
  const { hub, edge, viewing, origin } = await setUp({ edge: { delay: 1, rate: 500e3 } });
  const other = new TestEdge(hub, hub.connect(FAST));
  const fast = other.watch();
  const from = hub.clock.monotonic() + 1_000;
  await hub.advance(11_000);
  assertEquals(edge.links.link("front")!.lanes, 1);
  assertLess(ages(viewing, from).oldest, 300);
  assertGreater(viewing.between(from, from + 10_000).length, 39);
  assertLess(ages(fast, from).oldest, 30);
  assertGreater(fast.between(from, from + 10_000).length, 295);
  origin[Symbol.dispose]();
});

Deno.test("an edge on a long way has enough lanes for every frame after three seconds", async () => {
  for (const [delay, lanes] of [[50, 5], [100, 8]] as const) {
    const { edge, viewing, origin } = await setUp({ edge: { delay, rate: 100e6 } });
    assertEquals(edge.links.link("front")!.lanes, lanes);
    assertGreater(viewing.between(3_500, 7_500).length, 116);
    assertLess(ages(viewing, 3_500).oldest, delay + 50);
    origin[Symbol.dispose]();
  }
});

Deno.test("a link that takes 4.6 s for a frame delivers one after another", async () => {
  const { edge, viewing, origin } = await setUp({
    edge: { delay: 1, rate: 25e3 },
    duration: 60_000,
    watch: { restart: true },
  });
  assertEquals(viewing.failures, []);
  assertEquals(edge.links.link("front")!.late, 0);
  assertEquals(viewing.frames.length, 13);
  assertLess(ages(viewing).oldest, 4_650);
  // It is not asked for frames that nobody can receive.
  assertLess(origin.sent, 1.5 * viewing.frames.length);
  origin[Symbol.dispose]();
});

Deno.test("an edge adapts to a link that becomes thin, and to one that becomes good", async () => {
  const { hub, edge, viewing, origin } = await setUp({ watch: { restart: true } });
  edge.client.setLink({ rate: 500e3 });
  await hub.advance(10_000);
  const thin = hub.clock.monotonic();
  await hub.advance(10_000);
  assertEquals(edge.links.link("front")!.lanes, 1);
  assertLess(ages(viewing, thin).oldest, 300);
  edge.client.setLink({ rate: 100e6 });
  await hub.advance(5_000);
  const good = hub.clock.monotonic();
  await hub.advance(5_000);
  assertEquals(edge.links.link("front")!.lanes, 2);
  assertGreater(viewing.between(good, good + 5_000).length, 147);
  origin[Symbol.dispose]();
});

/** Faults: what happens, and returns when it is over. */
const FAULTS: Record<string, (it: Awaited<ReturnType<typeof setUp>>) => Promise<void>> = {
  async "the hub is frozen for 12 s"({ hub }) {
    hub.freeze();
    await hub.advance(12_000);
    hub.thaw();
  },
  async "the hub is frozen for 1 s"({ hub }) {
    hub.freeze();
    await hub.advance(1_000);
    hub.thaw();
  },
  async "the hub restarts after 5 s"({ hub, client, edge }) {
    hub.stop();
    await hub.advance(5_000);
    hub.start();
    edge.client.reconnect();
    await hub.advance(100);
    client.reconnect();
  },
  async "the origin's link is cut for 5 s"({ hub, client }) {
    client.cut();
    await hub.advance(5_000);
    client.restore();
  },
  async "the origin's link is cut for 30 s, which it notices"({ hub, client }) {
    client.cut();
    await hub.advance(15_000);
    client.disconnect({ hubNotices: false });
    await hub.advance(15_000);
    client.reconnect();
  },
  async "the edge's link is cut for 5 s"({ hub, edge: { client } }) {
    client.cut();
    await hub.advance(5_000);
    client.restore();
  },
  async "the edge's link is cut for 30 s, which it notices"({ hub, edge: { client } }) {
    client.cut();
    await hub.advance(15_000);
    client.disconnect({ hubNotices: false });
    await hub.advance(15_000);
    client.reconnect();
  },
  async "the edge is frozen for 8 s"({ hub, edge: { client } }) {
    client.freeze();
    await hub.advance(8_000);
    client.thaw();
  },
  async "the origin is frozen for 8 s"({ hub, client }) {
    client.freeze();
    await hub.advance(8_000);
    client.thaw();
  },
  async "the origin is killed, and starts again after 5 s"(it) {
    it.origin.kill();
    await it.hub.advance(5_000);
    it.client = it.hub.connect(it.link);
    it.origin = new FakeOrigin(it.client, { size: SIZE });
  },
  async "the origin is killed, and starts again at once"(it) {
    it.origin.kill();
    await it.hub.advance(200);
    it.client = it.hub.connect(it.link);
    it.origin = new FakeOrigin(it.client, { size: SIZE });
  },
};

for (const [name, links] of Object.entries(LINKS)) {
  Deno.test(`an edge over ${name} shows no frame of before a fault, and the next ones soon`, async (t) => {
    for (const [fault, happen] of Object.entries(FAULTS)) {
      await t.step(fault, async () => {
        const it = await setUp({ ...links, watch: { restart: true } });
        const { hub, viewing } = it;
        const way = ages(viewing).median;
        const begun = hub.clock.monotonic();
        await happen(it);
        const repaired = hub.clock.monotonic();
        await hub.advance(4_000);
        assertLess(ages(viewing, begun).oldest, way + 500);
        const recovery = viewing.between(repaired, Infinity)[0]!.at - repaired;
        assertLess(recovery, 2_000);
        assertEquals(hub.thrown, []);
        it.origin[Symbol.dispose]();
      });
    }
  });
}

Deno.test("an edge does not care for the wall clocks", async () => {
  const { hub, edge, client, viewing, origin } = await setUp({
    origin: { ...FAST, clockOffset: -86_400_000 },
  });
  for (const offset of [3_600_000, -3_600_000, 0]) {
    client.clock.offset = offset;
    edge.client.clock.offset = -offset;
    const before = viewing.frames.length;
    await hub.advance(1_000);
    assertGreater(viewing.frames.length - before, 28);
  }
  assertEquals(edge.links.link("front")!.late, 0);
  origin[Symbol.dispose]();
});

Deno.test("an edge follows an origin again whose machine was suspended", async () => {
  const { hub, viewing, origin } = await setUp({ watch: { restart: true } });
  origin.clockError = -3_600_000; // its clock stood for an hour
  const begun = hub.clock.monotonic();
  await hub.advance(10_000);
  const [first] = viewing.between(begun, Infinity);
  assertLess(first!.at - begun, 7_000); // three beats
  assertGreater(viewing.between(begun, Infinity).length, 80);
  assertEquals(viewing.failures, []);
  origin[Symbol.dispose]();
});

Deno.test("an edge fails at once if nobody publishes the camera, until somebody does", async () => {
  const hub = new FakeHub();
  const edge = new TestEdge(hub, hub.connect(FAST));
  const viewing = edge.watch({ restart: true });
  await hub.advance(10);
  assertMatch(viewing.failures[0]!.error.message, /^Nobody publishes a camera "front" at the hub$/);
  await hub.advance(30_000);
  const origin = new FakeOrigin(hub.connect(FAST), { size: SIZE });
  const begun = hub.clock.monotonic();
  await hub.advance(1_100);
  assertLess(viewing.frames[0]!.at - begun, 1_050);
  assertEquals(hub.thrown, []);
  origin[Symbol.dispose]();
});

Deno.test("an edge says that nobody publishes the camera soon after its origin was killed", async () => {
  const { hub, viewing, origin } = await setUp();
  origin.kill();
  const ms = await hub.until(() => viewing.ended);
  assertLess(ms, 2_000);
  assertMatch(viewing.error!.message, /Nobody publishes/);
});

Deno.test("an edge fails at once if its origin says that the camera is gone", async () => {
  const { hub, viewing, origin } = await setUp();
  origin[Symbol.dispose]();
  assertLess(await hub.until(() => viewing.ended), 50);
  assertMatch(viewing.error!.message, /Nobody publishes/);
});

Deno.test("an edge that has no connection waits for a second, then fails", async () => {
  const { hub, edge, viewing, origin } = await setUp({ watch: { restart: true } });
  edge.client.disconnect();
  await hub.advance(500);
  edge.client.reconnect();
  await hub.advance(100);
  assertEquals(viewing.failures, []);
  edge.client.disconnect();
  const ms = await hub.until(() => viewing.failures.length > 0);
  assertLess(ms, 1_600);
  assertEquals(viewing.failures[0]!.error.message, "No connection to the hub");
  // It counts as a failure that ends with the connection, also long after.
  await hub.advance(60_000);
  const { length } = viewing.failures;
  await hub.until(() => viewing.failures.length > length, 20_000);
  await hub.advance(2_000); // of a pause of 10 s
  const before = viewing.frames.length;
  origin.beats = false; // so that it is the connection that ends the pause
  edge.client.reconnect();
  await hub.advance(1_200);
  assertGreater(viewing.frames.length, before);
  origin[Symbol.dispose]();
});

Deno.test("an edge reports why the camera has failed at its origin", async () => {
  const { hub, viewing, origin } = await setUp();
  origin.frames = false;
  origin.state = "failed";
  origin.error = "The lens is dirty\nor so";
  const ms = await hub.until(() => viewing.ended);
  assert(ms >= 3_000 && ms < 5_000, `${ms}`);
  assertEquals(
    viewing.error!.message,
    'Camera "front" has failed at its origin: The lens is dirty\\nor so',
  );
  let isRecovered = false;
  viewing.error!.retryWhen!.then(() => isRecovered = true);
  await hub.advance(10_000);
  assert(!isRecovered);
  origin.state = "off";
  await hub.advance(2_100);
  assert(isRecovered);
  origin[Symbol.dispose]();
});

Deno.test("an edge waits for a camera that its origin still starts", async () => {
  const hub = new FakeHub();
  const edge = new TestEdge(hub, hub.connect(FAST));
  const origin = new FakeOrigin(hub.connect(FAST), { size: SIZE });
  origin.frames = false;
  origin.state = "starting";
  const viewing = edge.watch();
  await hub.advance(30_000);
  assertEquals(viewing.ended, false);
  origin.state = "streaming"; // though no frames come
  const ms = await hub.until(() => viewing.ended, 20_000);
  assertLess(ms, 12_000);
  assertMatch(viewing.error!.message, /^No picture of camera "front" from the hub for \d+ s$/);
  origin[Symbol.dispose]();
});

Deno.test("an edge reports that the origin does not answer though the hub does", async () => {
  const { hub, client, viewing } = await setUp({ watch: { restart: true } });
  client.cut();
  await hub.advance(20_000);
  assertMatch(viewing.failures[0]!.error.message, /^No picture of camera "front" from the hub/);
  const { message } = viewing.failures[1]!.error;
  assertEquals(message, 'The origin of camera "front" does not answer');
});

Deno.test("an edge receives a camera of one frame in ten seconds, by its measured rate", async () => {
  const { hub, edge, viewing, origin } = await setUp({
    fps: 0.1,
    duration: 100_000,
    watch: { restart: true },
  });
  assertEquals(viewing.failures, []);
  assertGreater(viewing.frames.length, 8);
  assertEquals(edge.links.link("front")!.late, 0);
  // A second viewer has the newest frame at once, as that of a camera of this machine.
  const second = new TestEdge(hub, hub.connect(FAST));
  second.watch();
  await hub.advance(2_100);
  const late = second.watch({ camera: "other" });
  await hub.advance(11_000);
  assertEquals(late.frames.length, 1);
  origin[Symbol.dispose]();
});

Deno.test("an edge keeps the origin it has, and reports another one once", async () => {
  const { hub, edge, viewing, origin } = await setUp();
  const rival = new FakeOrigin(hub.connect(FAST), { size: 500, epoch: 1e15 });
  const other = new TestEdge(hub, hub.connect(FAST));
  await hub.advance(2_500);
  const from = hub.clock.monotonic();
  // Another edge has chosen the other one, whose frames come on the same lanes.
  origin.frames = false;
  await hub.advance(700);
  const theirs = other.watch();
  await hub.advance(300);
  origin.frames = true;
  await hub.advance(8_000);
  assertGreater(theirs.frames.length + viewing.frames.length, 100);
  assertEquals(new Set(viewing.frames.map(({ size }) => size)), new Set([SIZE]));
  assertGreater(viewing.between(from + 1_500, Infinity).length, 200);
  assertEquals(edge.logged, ["camera published by two origins front"]);
  assertEquals(edge.links.link("front")!.duplicate, true);
  rival.kill();
  await hub.advance(8_000);
  assertEquals(edge.links.link("front")!.duplicate, false);
  origin[Symbol.dispose]();
});

Deno.test("an edge takes the other origin when its own is silent or gone", async () => {
  for (const end of ["cut", "gone", "kill"]) {
    const { hub, edge, client, viewing, origin } = await setUp({ watch: { restart: true } });
    const rival = new FakeOrigin(hub.connect(FAST), { size: 500, epoch: 5 });
    await hub.advance(5_000);
    assertEquals(viewing.frames.at(-1)!.size, SIZE);
    const begun = hub.clock.monotonic();
    if (end === "cut") client.cut();
    else if (end === "gone") origin[Symbol.dispose]();
    else origin.kill();
    await hub.advance(6_000);
    const first = viewing.between(begun, Infinity).find(({ size }) => size === 500)!;
    assertLess(first.at - begun, end === "gone" ? 100 : 4_000, end);
    client.restore();
    await hub.advance(5_000);
    // It stays with the one that it has now.
    assertEquals(viewing.frames.at(-1)!.size, 500, end);
    rival[Symbol.dispose]();
    edge[Symbol.dispose]();
  }
});

Deno.test("a restarted origin is taken at once, though the hub does not know that it has ended", async () => {
  const { hub, edge, client, viewing } = await setUp({ watch: { restart: true } });
  client.cut();
  await hub.advance(1_000);
  const restarted = new FakeOrigin(hub.connect(FAST), { size: 500 });
  const begun = hub.clock.monotonic();
  await hub.until(() => viewing.frames.at(-1)!.size === 500);
  assertLess(hub.clock.monotonic() - begun, 1_000);
  await hub.advance(8_000);
  assertEquals(edge.logged, []);
  restarted[Symbol.dispose]();
});

Deno.test("two cameras of one source share a subscription, and each gets every frame", async () => {
  const { hub, edge, origin, viewing } = await setUp();
  const second = edge.watch({ camera: "second" });
  const wants = origin.wants.length;
  const from = hub.clock.monotonic();
  await hub.advance(3_000);
  assertEquals(origin.edges, 1);
  assertEquals(second.frames.length, viewing.between(from, Infinity).length);
  assertGreater(second.frames.length, 85);
  assertLess(origin.wants.length - wants, 110);
  assertEquals(edge.links.link("second")!.lanes, 2);
  viewing[Symbol.dispose]();
  await hub.advance(1_000);
  assertEquals(edge.links.link("front")!.lanes, 0);
  const before = second.frames.length;
  await hub.advance(1_000);
  assertGreater(second.frames.length - before, 28);
  second[Symbol.dispose]();
  await hub.advance(10);
  assertEquals([origin.edges, origin.wants.at(-1)!.bye], [0, true]);
  origin[Symbol.dispose]();
});

Deno.test("an edge leaves nothing behind when its last viewer leaves", async () => {
  const { hub, edge, origin, viewing } = await setUp();
  viewing[Symbol.dispose]();
  await hub.advance(100);
  assert(viewing.ended);
  assertEquals(edge.client.subscriptions, 1); // beats
  const { received } = edge.client;
  const before = received["dinocam.frame"];
  await hub.advance(10_000);
  assertEquals(received["dinocam.frame"], before);
  edge[Symbol.dispose]();
  assertEquals(edge.client.subscriptions, 0);
  assertEquals(edge.links.link("front")!.lanes, 0);
  assertEquals(edge.links.link("unknown"), undefined);
  origin[Symbol.dispose]();
});

Deno.test("an edge drops a frame that has waited for its reader", async () => {
  const { hub, edge, origin } = await setUp();
  const images = edge.links.watch(
    { source: "front", camera: "slow" },
    new AbortController().signal,
  );
  const first = images.next();
  await hub.advance(100);
  await first;
  await hub.advance(50);
  origin.frames = false; // what has come by now waits
  await hub.advance(1_000);
  const next = images.next();
  origin.frames = true;
  await hub.advance(100);
  const image = (await next).value!;
  assert("capturedAt" in image);
  assertLess(hub.clock.now() - image.capturedAt, 150);
  assertEquals(edge.links.link("slow")!.late, 1);
  await images.return(undefined);
  origin[Symbol.dispose]();
});

Deno.test("an edge survives what strangers send as frames", async () => {
  const { hub, viewing, origin } = await setUp({ size: 1_000 });
  const stranger = hub.connect(FAST);
  for (let i = 0; i < 300; i++) {
    for (let lane = 0; lane < 8; lane++) {
      const data = new Uint8Array(i);
      crypto.getRandomValues(data);
      stranger.publish(frameSubject("front", lane), data);
    }
    await hub.advance(33);
  }
  assertEquals(hub.thrown, []);
  const before = viewing.frames.length;
  await hub.advance(5_000);
  assertGreater(viewing.frames.length - before, 100);
  origin[Symbol.dispose]();
});

Deno.test("an edge fails with advice if the hub denies the frames", async () => {
  const { viewing, origin } = await setUp({ edge: { denySubscribe: ["dinocam.frame.>"] } });
  assertEquals(viewing.error!.message, 'The hub refuses the frames of camera "front"');
  assertMatch(viewing.error!.hint!, /subscribe to dinocam\.frame\.front\.\*/);
  origin[Symbol.dispose]();
});

Deno.test("an edge keeps the counters of a camera that it watches, however many others appear", async () => {
  const { edge, viewing } = await setUp({ duration: 1_000 });
  const { frames } = edge.links.link("front")!;
  assertGreater(frames, 10);
  for (let i = 0; i < 3_000; i++) edge.links.expect({ source: `c${i}`, camera: `c${i}` });
  assertEquals(edge.links.link("front")?.frames, frames);
  assertEquals(edge.links.link("c0"), undefined);
  assertEquals(edge.links.link("c2999")?.frames, 0);
  viewing[Symbol.dispose]();
  edge[Symbol.dispose]();
});

Deno.test("an edge says so if all frames come too late for ten seconds", async () => {
  const { hub, origin, viewing } = await setUp();
  const begun = hub.clock.monotonic();
  for (let ms = 0; ms < 9_500; ms += 50) {
    origin.clockError -= 500; // each frame seems to be half a second older than the one before
    await hub.advance(50);
  }
  assertEquals(viewing.error, undefined);
  await hub.until(() => {
    origin.clockError -= 500;
    return viewing.error !== undefined;
  });
  assertLess(hub.clock.monotonic() - begun, 11_000);
  assertEquals(
    viewing.error!.message,
    'The frames of camera "front" come too late from the hub',
  );
  origin[Symbol.dispose]();
});
