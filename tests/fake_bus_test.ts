import { assert, assertEquals, assertFalse } from "@std/assert";
import type { Bus, SubscribeOptions } from "../lib/nats/bus.ts";
import { FakeHub } from "./fake_bus.ts";

/** Collects the messages of a subscription, with the times of their arrival. */
function collect(bus: Bus, hub: FakeHub, subject: string, options?: SubscribeOptions) {
  const times: number[] = [];
  const subscription = bus.subscribe(subject, () => times.push(hub.clock.monotonic()), options);
  return { times, [Symbol.dispose]: () => subscription[Symbol.dispose]() };
}

Deno.test("FakeHub counts the messages of a subscription with a maximum", async () => {
  const hub = new FakeHub();
  const [origin, edge] = [hub.connect(), hub.connect({ delay: 50 })];
  const all = collect(edge, hub, "a.*");
  const one = collect(edge, hub, "a.>", { max: 1 });
  await hub.advance(100);
  for (let i = 0; i < 3; i++) origin.publish("a.b", "x");
  await hub.advance(100);
  assertEquals([all.times.length, one.times.length], [3, 1]);
  assertEquals(edge.received, { "a.b": 4 });
});

Deno.test("FakeHub's links deliver one message after another", async () => {
  const hub = new FakeHub();
  const origin = hub.connect({ delay: 20, rate: 1000 });
  const edge = hub.connect();
  const { times } = collect(edge, hub, "a");
  await hub.advance(100);
  for (let i = 0; i < 2; i++) origin.publish("a", new Uint8Array(440)); // 500 bytes
  let flushed = 0;
  origin.flush().then(() => flushed = hub.clock.monotonic());
  await hub.advance(2_000);
  assertEquals(times, [620, 1_120]);
  assertEquals(flushed, 1_152); // 1100 + PING 6 + 20, PONG 6 + 20
});

Deno.test("FakeHub answers that nobody has subscribed", async () => {
  const hub = new FakeHub();
  const client = hub.connect();
  const inbox = client.createInbox();
  const answers: boolean[] = [];
  client.subscribe(inbox, ({ noResponders }) => answers.push(noResponders));
  client.publish("a", "x", inbox);
  client.publish("a", "x");
  await hub.advance(0);
  assertEquals(answers, [true]);
});

Deno.test("FakeHub delivers late what was sent over a link that was cut", async () => {
  const hub = new FakeHub();
  const [origin, edge] = [hub.connect({ delay: 10 }), hub.connect()];
  const { times } = collect(edge, hub, "a");
  await hub.advance(100);
  origin.publish("a", "x");
  await hub.advance(5);
  origin.cut();
  await hub.advance(1_000);
  assertEquals(times, []);
  origin.restore();
  await hub.advance(1_000);
  assertEquals(times, [1_115]);
});

Deno.test("FakeClient loses what is on its way when it notices the loss", async () => {
  const hub = new FakeHub();
  const [origin, edge] = [hub.connect({ delay: 10 }), hub.connect()];
  const { times } = collect(edge, hub, "a");
  const one = collect(edge, hub, "a", { max: 2 });
  const changes: boolean[] = [];
  edge.onConnection((connected) => changes.push(connected));
  await hub.advance(100);
  origin.publish("a", "x");
  const flush = origin.flush();
  origin.disconnect();
  assertFalse(origin.publish("a", "x"));
  assertFalse(await flush);
  await hub.advance(100);
  assertEquals(times, []);
  origin.reconnect();
  edge.disconnect();
  edge.reconnect();
  await hub.advance(100);
  origin.publish("a", "x");
  await hub.advance(100);
  assertEquals([times.length, one.times.length], [1, 0]);
  assertEquals(changes, [false, true]);
});

Deno.test("FakeClient handles what has arrived after it was frozen", async () => {
  const hub = new FakeHub();
  const [origin, edge] = [hub.connect(), hub.connect()];
  const { times } = collect(edge, hub, "a");
  await hub.advance(0);
  edge.freeze();
  origin.publish("a", "x");
  let slept = 0;
  edge.clock.sleep(100).then(() => slept = hub.clock.monotonic());
  await hub.advance(500);
  assertEquals([times, slept], [[], 0]);
  edge.thaw();
  await hub.advance(0);
  assertEquals([times, slept], [[500], 500]);
  hub.freeze();
  origin.publish("a", "x");
  await hub.advance(500);
  hub.thaw();
  await hub.advance(0);
  assertEquals(times, [500, 1_000]);
});

Deno.test("FakeHub denies subjects", async () => {
  const hub = new FakeHub();
  const client = hub.connect({ denySubscribe: ["a.>"], denyPublish: ["b"] });
  let denied = false;
  client.subscribe("a.b", () => {}, { onDenied: () => denied = true });
  const { times } = collect(client, hub, "b");
  client.publish("b", "x");
  await hub.advance(0);
  assert(denied);
  assertEquals(times, []);
});
