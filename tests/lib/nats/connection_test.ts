import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../../lib/clock.ts";
import { createLog } from "../../../lib/log.ts";
import type { Message } from "../../../lib/nats/bus.ts";
import { NatsBus } from "../../../lib/nats/connection.ts";
import { readHubAddresses } from "../../../lib/nats/settings.ts";
import { NatsServer } from "../../nats_server.ts";
import { needing } from "../../parts.ts";
import { eventually } from "../../server.ts";

/** Opens a bus that logs into `lines`. */
function openBus(url: string, ca?: string) {
  const lines: string[] = [];
  const log = createLog({
    clock: systemClock,
    write: (line) => lines.push(line.replace(/^\S+ /, "")),
  });
  const hubs = readHubAddresses({ NATS_URL: url })!;
  const bus = new NatsBus({ hubs, ca, clock: systemClock, log });
  return Object.assign(bus, { lines });
}

const textOf = ({ data }: Message) => new TextDecoder().decode(data);

Deno.test("a bus delivers messages, and answers", needing("nats-server"), async () => {
  await using server = await NatsServer.start();
  await using bus = openBus(server.url);
  const received: Message[] = [];
  using _ = bus.subscribe("dinocam.beat.*", (message) => received.push(message));
  assertEquals([bus.connected, bus.maxPayload, bus.publish("a", "")], [false, Infinity, false]);
  await eventually("connected", () => bus.connected);
  assertEquals(bus.maxPayload, 8 * 1024 * 1024);
  const inbox = bus.createInbox();
  using _inbox = bus.subscribe(inbox, (message) => received.push(message));
  assert(bus.publish("dinocam.beat.front", new Uint8Array([104, 105]), inbox));
  assert(bus.publish("nobody.listens", "x", inbox));
  assert(await bus.flush());
  await eventually("both", () => received.length === 2);
  const [beat, none] = received as [Message, Message];
  assertEquals([textOf(beat), beat.subject, beat.reply, beat.noResponders], [
    "hi",
    "dinocam.beat.front",
    inbox,
    false,
  ]);
  assertEquals([none.subject, none.noResponders], [inbox, true]);
  assertEquals(bus.lines, [`info hub connected hub=127.0.0.1:${server.port}`]);
  assertEquals(bus.publish("x", new Uint8Array(9 * 1024 * 1024)), false);
});

Deno.test(
  "a bus connects when the hub starts later, and again after kill -9",
  needing("nats-server"),
  async () => {
    await using server = await NatsServer.start();
    await server.stop();
    await using bus = openBus(server.url);
    await eventually("a failure", () => bus.status.reason !== "connecting");
    assertStringIncludes(
      bus.status.reason!,
      `Cannot connect to 127.0.0.1:${server.port}: connection refused`,
    );
    const changes: boolean[] = [];
    using _ = bus.onConnection((connected) => changes.push(connected));
    const messages: string[] = [];
    using _all = bus.subscribe("beat", (message) => messages.push(textOf(message)));
    using _max = bus.subscribe("lane", () => messages.push("lane"), { max: 1 });
    await server.run();
    await eventually("connected", () => bus.connected);
    using _once = bus.subscribe("lane", () => messages.push("once"), { max: 1 });
    await bus.flush();
    await server.stop();
    await eventually("disconnected", () => !bus.connected);
    assertEquals(await bus.flush(), false);
    assertEquals(bus.publish("beat", "old"), false);
    await server.run();
    await eventually("connected again", () => bus.connected);
    assert(bus.publish("lane", "x") && bus.publish("beat", "new"));
    await eventually("a message", () => messages.length > 0);
    assertEquals(messages, ["new"]);
    assertEquals(changes, [true, false, true]);
    assertEquals(bus.lines.map((line) => line.replace(/(hub|reason)=.*/, "")), [
      "warn hub connection failed ",
      "info hub connected ",
      "warn hub disconnected ",
      ...bus.lines.length > 4 ? ["warn hub connection failed "] : [],
      "info hub connected ",
    ]);
  },
);
