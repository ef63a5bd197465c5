import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import nats from "../../cameras/nats.ts";
import { systemClock as clock } from "../../lib/clock.ts";
import { forCamera } from "../../lib/env.ts";
import { CameraError, ConfigError } from "../../lib/errors.ts";
import { openNatsHub } from "../../lib/nats/mod.ts";
import { readHubAddresses } from "../../lib/nats/settings.ts";
import { setUpCamera, setUpPublisher } from "../lib/nats/origin.ts";
import { NatsServer } from "../nats_server.ts";
import { needing } from "../parts.ts";
import { eventually } from "../server.ts";
import { silentLog as log } from "../silent.ts";
import { NatsBus } from "../../lib/nats/connection.ts";
import { testConformance } from "./conformance.ts";

/** An address at which nothing listens. */
const NOWHERE = "nats://127.0.0.1:1";

function openHub(url = NOWHERE) {
  return openNatsHub({ hubs: readHubAddresses({ NATS_URL: url })! }, { clock, log });
}

/** A hub of this process, with an origin that publishes a camera "front". */
async function setUp() {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await NatsServer.start());
  const hubs = readHubAddresses({ NATS_URL: server.url })!;
  const bus = stack.use(new NatsBus({ hubs, ca: undefined, clock, log }));
  const { camera } = setUpCamera({ clock, idleTimeout: 0 });
  stack.use(camera);
  const { publisher } = setUpPublisher({ bus, clock, cameras: [camera] });
  stack.use(publisher);
  const hub = stack.use(openHub(server.url));
  hub.expect({ source: "front", camera: "front" });
  await eventually("the camera is heard", () => hub.known.length > 0);
  return {
    env: forCamera({}, "front"),
    hub,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

testConformance({
  source: "nats, with an origin in this process",
  driver: nats,
  setUp,
  ...needing("nats-server"),
});

Deno.test("nats reads SOURCE as the name at the origin, by default that of the camera", async () => {
  await using hub = openHub();
  assertEquals(nats.configure(forCamera({}, "front")).source, "front");
  assertEquals(nats.configure(forCamera({ FRONT_SOURCE: "Yard-2" }, "front")).source, "Yard-2");
  for (const SOURCE of ["a.b", "a b", "*", ">", "x".repeat(65), "nats://host"]) {
    const error = assertThrows(
      () => nats.configure(forCamera({ FRONT_SOURCE: SOURCE }, "front")),
      ConfigError,
    );
    assertStringIncludes(error.message, "Cannot read FRONT_SOURCE as the name of a camera");
  }
  assertEquals(hub.link("front")?.frames, 0);
  assertEquals(hub.link("back"), undefined);
});

Deno.test("nats leaves it to the reception to find a stall, unless FPS is set", async () => {
  await using _hub = openHub();
  assertEquals(nats.configure(forCamera({}, "front")).fps, 0.1);
  const { fps, rate } = nats.configure(forCamera({ FPS: "5" }, "front"));
  assertEquals([fps, rate], [5, 5]);
});

Deno.test("nats says that NATS_URL is missing", async () => {
  assertMatch(
    assertThrows(() => nats.configure(forCamera({}, "front")), ConfigError).message,
    /without NATS_URL: set it/,
  );
  const error = await nats.list(new AbortController().signal).catch((error) => error);
  assertEquals(error instanceof CameraError, true);
});

Deno.test("nats lists the published cameras", needing("nats-server"), async () => {
  await using _it = await setUp();
  assertEquals(await nats.list(new AbortController().signal), [
    { source: "front", name: "emulated" },
  ]);
});
