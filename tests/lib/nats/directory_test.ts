import { assert, assertEquals, assertLess } from "@std/assert";
import { type Beat, beatSubject, ORIGIN_TIMEOUT } from "../../../lib/nats/protocol.ts";
import { FakeHub } from "../../fake_bus.ts";
import { FakeOrigin } from "./fake_origin.ts";
import { TestEdge } from "./watching.ts";

/** Collects the lists of an edge, as names with commas between. */
function collect(edge: TestEdge) {
  const lists: string[] = [];
  const stop = new AbortController();
  const ended = (async () => {
    for await (const cameras of edge.links.discover(stop.signal)) {
      assert(cameras.every(({ name, source }) => name === source));
      lists.push(cameras.map(({ name }) => name).join(","));
    }
  })();
  return { lists, stop, ended };
}

function setUp() {
  const hub = new FakeHub();
  const edge = new TestEdge(hub, hub.connect());
  return { hub, edge, ...collect(edge) };
}

Deno.test("an edge discovers cameras at once, sorted, and loses them 7 s after the last beat", async () => {
  const { hub, edge, lists } = setUp();
  await hub.advance(0);
  assertEquals(lists, [""]);
  const client = hub.connect();
  using _yard = new FakeOrigin(client, { camera: "yard" });
  await hub.advance(10);
  const front = new FakeOrigin(hub.connect(), { camera: "front" });
  await hub.advance(10);
  assertEquals(lists, ["", "yard", "front,yard"]);
  assertEquals(edge.links.known, [
    { name: "front", driver: "usb", size: "1280x720" },
    { name: "yard", driver: "usb", size: "1280x720" },
  ]);
  await hub.advance(10_000);
  front.kill();
  await hub.advance(ORIGIN_TIMEOUT - 2_100);
  assertEquals(lists.length, 3);
  await hub.advance(3_200);
  assertEquals(lists.at(-1), "yard");
  assertEquals(edge.links.known.length, 1);
});

Deno.test("an edge loses a camera at once when its origin says that it is gone", async () => {
  const { hub, lists } = setUp();
  const origin = new FakeOrigin(hub.connect());
  const other = new FakeOrigin(hub.connect(), { epoch: 5 });
  await hub.advance(100);
  origin[Symbol.dispose]();
  await hub.advance(10);
  assertEquals(lists.at(-1), "front"); // the other one is there
  other[Symbol.dispose]();
  await hub.advance(10);
  assertEquals(lists, ["", "front", ""]);
  using _again = new FakeOrigin(hub.connect());
  await hub.advance(10);
  assertEquals(lists.at(-1), "front");
});

Deno.test("an edge keeps its list without a connection, and for 7 s after it is back", async () => {
  const { hub, edge, lists } = setUp();
  const origin = new FakeOrigin(hub.connect());
  await hub.advance(100);
  edge.client.disconnect();
  origin.kill();
  await hub.advance(60_000);
  edge.client.reconnect();
  await hub.advance(ORIGIN_TIMEOUT - 100);
  assertEquals(lists, ["", "front"]);
  await hub.advance(1_200);
  assertEquals(lists, ["", "front", ""]);
});

Deno.test("an edge keeps its list while the hub, the link or itself stands still", async () => {
  const { hub, edge, lists } = setUp();
  using _origin = new FakeOrigin(hub.connect());
  await hub.advance(100);
  hub.freeze();
  await hub.advance(12_000);
  hub.thaw();
  await hub.advance(3_000);
  edge.client.cut();
  await hub.advance(30_000);
  edge.client.restore();
  await hub.advance(3_000);
  edge.client.freeze();
  await hub.advance(12_000);
  edge.client.thaw();
  await hub.advance(3_000);
  assertEquals(lists, ["", "front"]);
});

Deno.test("an edge ignores invalid beats, and more than 256 cameras", async () => {
  const { hub, edge, lists } = setUp();
  const stranger = hub.connect();
  const beat: Beat = {
    camera: "front",
    epoch: 1,
    now: 1,
    monotonic: 1,
    driver: "x",
    state: "off",
    fps: 0,
    watched: false,
  };
  await hub.advance(0);
  for (const data of ["", "{", "null", new Uint8Array(100_000), JSON.stringify({})]) {
    stranger.publish(beatSubject("front"), data);
  }
  stranger.publish(beatSubject("yard"), JSON.stringify(beat)); // another camera's
  await hub.advance(10);
  assertEquals(lists, [""]);
  for (let i = 0; i < 1_000; i++) {
    const camera = `c${i}`;
    stranger.publish(beatSubject(camera), JSON.stringify({ ...beat, camera }));
  }
  await hub.advance(10);
  assertEquals(lists.at(-1)!.split(",").length, 256);
  assertEquals(edge.logged, ["too many cameras at the hub 256"]);
  assertEquals(hub.thrown, []);
});

Deno.test("an edge limits the log lines that beats can cause", async () => {
  const { hub, edge } = setUp();
  const stranger = hub.connect();
  const state = { now: 1, monotonic: 1, driver: "x", state: "off", fps: 0 };
  const send = (camera: string, changes: Partial<Beat>) =>
    stranger.publish(beatSubject(camera), JSON.stringify({ ...state, camera, ...changes }));
  // More cameras than fit, of which one comes and goes.
  for (let i = 0; i < 256; i++) send(`c${i}`, { epoch: 1 });
  for (let i = 0; i < 100; i++) {
    send("further", { epoch: 1 });
    send("c0", { epoch: 1, gone: true });
    send("c0", { epoch: 1 });
  }
  await hub.advance(10);
  // Two origins of each camera.
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 256; j++) for (const epoch of [1, 2]) send(`c${j}`, { epoch });
    await hub.advance(1_500);
  }
  assertLess(edge.logged.length, 25);
  assert(edge.logged.some((line) => line.startsWith("too many cameras at the hub")));
  assert(edge.logged.some((line) => line.startsWith("camera published by two origins")));
});

Deno.test("an edge lists one of two names that differ in case only", async () => {
  const { hub, lists } = setUp();
  using _first = new FakeOrigin(hub.connect(), { camera: "front" });
  await hub.advance(10);
  using _second = new FakeOrigin(hub.connect(), { camera: "Front" });
  await hub.advance(5_000);
  assertEquals(lists, ["", "front"]);
});

Deno.test("an edge remembers only a few of the origins of a name", async () => {
  const { hub, edge } = setUp();
  using _origin = new FakeOrigin(hub.connect());
  await hub.advance(100);
  const stranger = hub.connect();
  for (let epoch = 0; epoch < 100; epoch++) {
    const beat = {
      camera: "front",
      epoch,
      now: 1,
      monotonic: 1,
      driver: "x",
      state: "off",
      fps: 0,
    };
    stranger.publish(beatSubject("front"), JSON.stringify(beat));
  }
  await hub.advance(3_000);
  assertEquals(edge.logged, ["camera published by two origins front"]);
});

Deno.test("a discovery ends when its signal aborts, or the edge is disposed of", async () => {
  const { hub, edge, stop, ended } = setUp();
  const second = collect(edge);
  await hub.advance(10);
  stop.abort();
  await ended;
  edge[Symbol.dispose]();
  await second.ended;
  assertEquals(edge.client.subscriptions, 0);
  const aborted = await Array.fromAsync(edge.links.discover(AbortSignal.abort()));
  assertLess(aborted.length, 2);
});
