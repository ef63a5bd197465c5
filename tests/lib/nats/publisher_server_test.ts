import { assert, assertEquals, assertLess } from "@std/assert";
import { systemClock as clock } from "../../../lib/clock.ts";
import { NatsBus } from "../../../lib/nats/connection.ts";
import { LEASE } from "../../../lib/nats/protocol.ts";
import { readHubAddresses } from "../../../lib/nats/settings.ts";
import { NatsServer } from "../../nats_server.ts";
import { needing } from "../../parts.ts";
import { silentLog as log } from "../../silent.ts";
import { eventually } from "../../server.ts";
import { FakeEdge, listenToBeats } from "./fake_edge.ts";

/** Maximum age of a frame, in milliseconds: the goal in all faults, without a way. */
const MAX_AGE = 500;

/** Starts a hub, an origin as a process, and connects an edge. */
async function setUp() {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await NatsServer.start());
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      new URL("origin_process.ts", import.meta.url).pathname,
      server.url,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let hasExited = false;
  const exited = child.status.then(() => void (hasExited = true));
  const kill = (signal: Deno.Signal) => hasExited || child.kill(signal);
  stack.defer(async () => {
    kill("SIGKILL");
    await exited;
  });
  const connect = () => {
    const hubs = readHubAddresses({ NATS_URL: server.url })!;
    return stack.use(new NatsBus({ hubs, ca: undefined, clock, log }));
  };
  const bus = connect();
  const beats = listenToBeats(bus);
  await eventually("the edge is connected", () => bus.connected);
  await eventually("the origin publishes", () => beats.length > 0);
  const state = () => beats.at(-1)!.state;
  const dispose = () => stack.disposeAsync();
  return { server, bus, beats, state, kill, exited, [Symbol.asyncDispose]: dispose };
}

Deno.test(
  "an origin sends frames to an edge through nats-server, only while it watches",
  needing("nats-server"),
  async () => {
    await using it = await setUp();
    assertEquals(it.state(), "off");
    using edge = new FakeEdge({ bus: it.bus, clock, lanes: 2 });
    await eventually("frames", () => edge.frames.length > 60);
    assertLess(Math.max(...edge.frames.map(({ age }) => age)), MAX_AGE);
    assertEquals(new Set(edge.frames.map(({ sequence }) => sequence)).size, edge.frames.length);
    await eventually("the state", () => it.state() === "streaming");
    edge.stop({ bye: false });
    const start = clock.monotonic();
    await eventually("the camera is off", () => it.state() === "off");
    const duration = clock.monotonic() - start;
    assert(duration > LEASE - 1_500 && duration < LEASE + 2_000, `${duration}`);
    it.kill("SIGTERM");
    await it.exited;
    await eventually("the last beat", () => it.beats.at(-1)!.gone === true);
  },
);

Deno.test(
  "an origin publishes again after kill -9 of nats-server, and nothing of before",
  needing("nats-server"),
  async () => {
    await using it = await setUp();
    using edge = new FakeEdge({ bus: it.bus, clock, lanes: 2 });
    await eventually("frames", () => edge.frames.length > 30);
    await it.server.stop();
    await eventually("disconnected", () => !it.bus.connected);
    const before = edge.frames.length;
    await it.server.run();
    await eventually("frames again", () => edge.frames.length > before + 30);
    assertLess(Math.max(...edge.frames.map(({ age }) => age)), MAX_AGE);
  },
);

Deno.test(
  "an origin that was frozen sends no old frame",
  needing("nats-server"),
  async () => {
    await using it = await setUp();
    using edge = new FakeEdge({ bus: it.bus, clock, lanes: 2 });
    await eventually("frames", () => edge.frames.length > 30);
    it.kill("SIGSTOP");
    await clock.sleep(2_000); // the time for which it is frozen
    const before = edge.frames.length;
    it.kill("SIGCONT");
    await eventually("frames again", () => edge.frames.length > before + 30);
    assertLess(Math.max(...edge.frames.map(({ age }) => age)), MAX_AGE);
  },
);
