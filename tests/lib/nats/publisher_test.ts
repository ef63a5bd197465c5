import { assert, assertEquals } from "@std/assert";
import type { PublishValue } from "../../../lib/nats/settings.ts";
import { FakeHub } from "../../fake_bus.ts";
import { FakeEdge, listenToBeats } from "./fake_edge.ts";
import { setUpCamera, setUpPublisher } from "./origin.ts";

function setUp(published: PublishValue) {
  const hub = new FakeHub();
  const bus = hub.connect();
  const { clock } = bus;
  const create = (name: string, driver = "usb") => setUpCamera({ name, driver, clock }).camera;
  const cameras = [create("front"), create("yard"), create("remote", "nats")];
  const beats = listenToBeats(hub.connect());
  const origin = setUpPublisher({ bus, clock, cameras, published });
  /** Names of the cameras that are published now. */
  const names = async () => {
    beats.length = 0;
    await hub.advance(2_500);
    return [...new Set(beats.filter(({ gone }) => !gone).map(({ camera }) => camera))].sort();
  };
  return { ...origin, hub, bus, create, beats, all: cameras, names };
}

Deno.test("Publisher publishes all cameras but those of the driver nats", async () => {
  const { publisher, names } = setUp("all");
  assertEquals(await names(), ["front", "yard"]);
  assertEquals(publisher.publication("remote"), undefined);
  assertEquals(publisher.publication("yard"), { edges: 0, frames: 0, bytes: 0, tooLarge: 0 });
  publisher[Symbol.dispose]();
});

Deno.test("Publisher publishes the cameras that PUBLISH names only", async () => {
  const { publisher, names } = setUp(["yard", "remote"]);
  assertEquals(await names(), ["yard"]);
  publisher[Symbol.dispose]();
});

Deno.test("Publisher follows the list of cameras", async () => {
  const it = setUp("all");
  const [front, yard] = it.all;
  const edge = new FakeEdge({ clock: it.hub.clock, bus: it.hub.connect(), camera: "yard" });
  await it.hub.advance(500);
  assert(edge.frames.length > 10);
  it.cameras.set([front!, it.create("new")]);
  await it.hub.advance(10);
  assertEquals(it.beats.filter(({ gone }) => gone).map(({ camera }) => camera), ["yard"]);
  assertEquals(it.publisher.publication("yard"), undefined);
  assertEquals(await it.names(), ["front", "new"]);
  const { length } = edge.frames;
  it.cameras.set([front!, yard!]);
  assertEquals(await it.names(), ["front", "yard"]);
  assert(edge.frames.length > length + 10);
  it.publisher[Symbol.dispose]();
  await Promise.all([it.hub.advance(1_000), yard!.close()]);
});

Deno.test("Publisher tells everything again after the connection was lost", async () => {
  const it = setUp("all");
  await it.hub.advance(100);
  it.bus.disconnect();
  await it.hub.advance(10_000);
  it.beats.length = 0;
  it.bus.reconnect();
  await it.hub.advance(1);
  assertEquals(it.beats.map(({ camera }) => camera), ["front", "yard"]);
  it.publisher[Symbol.dispose]();
});

Deno.test("Publisher starts without a connection", async () => {
  const hub = new FakeHub();
  const bus = hub.connect();
  bus.disconnect();
  const { camera } = setUpCamera({ clock: bus.clock });
  const beats = listenToBeats(hub.connect());
  const { publisher } = setUpPublisher({ bus, clock: bus.clock, cameras: [camera] });
  await hub.advance(1_000);
  assertEquals(beats, []);
  bus.reconnect();
  await hub.advance(10);
  assertEquals(beats.length, 1);
  publisher[Symbol.dispose]();
  publisher[Symbol.dispose](); // has no effect
});
