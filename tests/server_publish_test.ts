import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { systemClock as clock } from "../lib/clock.ts";
import { NatsBus } from "../lib/nats/connection.ts";
import { readHubAddresses } from "../lib/nats/settings.ts";
import { FakeEdge, listenToBeats } from "./lib/nats/fake_edge.ts";
import { NatsServer } from "./nats_server.ts";
import { freePort } from "./nginx.ts";
import { needing } from "./parts.ts";
import { eventually, Server } from "./server.ts";
import { silentLog as log } from "./silent.ts";

const json = async (server: Server, path: string) => await (await fetch(server.url + path)).json();

Deno.test(
  "a server with PUBLISH publishes the cameras that it names, while an edge watches",
  needing("nats-server"),
  async () => {
    await using hub = await NatsServer.start();
    await using server = await Server.start({
      env: {
        ...{ CAMERA: "front=emulated,yard=emulated", FPS: "20", IDLE_SECONDS: "0" },
        ...{ NATS_URL: hub.url, PUBLISH: "yard" },
      },
    });
    const hubs = readHubAddresses({ NATS_URL: hub.url })!;
    await using bus = new NatsBus({ hubs, ca: undefined, clock, log });
    const beats = listenToBeats(bus);
    await eventually("a beat", () => beats.length > 0);
    const yard = async () => (await json(server, "/cameras"))[1];
    assertEquals((await yard()).published, { edges: 0, frames: 0, bytes: 0, tooLarge: 0 });
    assertEquals((await json(server, "/cameras"))[0].published, undefined);
    {
      using edge = new FakeEdge({ bus, clock, camera: "yard", lanes: 2 });
      await eventually("frames", () => edge.frames.length > 20);
      const { state, viewers, backgroundSubscribers, published } = await yard();
      assertEquals([state, viewers, backgroundSubscribers], ["streaming", 0, 1]);
      assertEquals(published.edges, 1);
      assert(published.frames >= 20 && published.bytes > 20 * edge.frames[0]!.bytes);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      assertStringIncludes(metrics, '\ndinocam_published_edges{camera="yard"} 1\n');
      assertStringIncludes(metrics, "\ndinocam_hub_connected 1\n");
    }
    await eventually("the camera is off", async () => (await yard()).state === "off");
    assertEquals(new Set(beats.map(({ camera }) => camera)), new Set(["yard"]));
    assertEquals((await server.stop()).code, 0);
    await eventually("the last beat", () => beats.at(-1)!.gone === true);
    assertEquals(server.output.match(/ (warn|error) .*/g), null);
  },
);

Deno.test(
  "an origin without its hub is healthy, says why there is no connection, and serves its viewers",
  needing("nats-server"),
  async () => {
    await using hub = await NatsServer.start();
    await using server = await Server.start({
      env: { FPS: "20", NATS_URL: hub.urlFor("me:secret"), PUBLISH: "all" },
    });
    await eventually("connected", async () => (await json(server, "/healthz")).hub.connected);
    await hub.stop();
    await eventually("disconnected", async () => !(await json(server, "/healthz")).hub.connected);
    const response = await fetch(`${server.url}/healthz`);
    const { status, hub: { since, reason } } = await response.json();
    assertEquals([response.status, status], [200, "ok"]);
    assertMatch(since, /^\d{4}-.*Z$/);
    assertMatch(reason, /127\.0\.0\.1/);
    await (await fetch(`${server.url}/snapshot.jpg`)).bytes();
    await hub.run();
    await eventually("connected again", async () => (await json(server, "/healthz")).hub.connected);
    await server.stop();
    assertEquals(server.output.includes("secret"), false);
  },
);

Deno.test(
  "a server has a second connection to the hub only if it publishes and receives",
  needing("nats-server"),
  async () => {
    const port = freePort();
    await using hub = await NatsServer.start({ config: `http: "127.0.0.1:${port}"` });
    const connections = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/connz`);
      return (await response.json()).num_connections;
    };
    const rows = [
      [{ CAMERA: "front=emulated", PUBLISH: "all" }, 1],
      [{ CAMERA: "far=nats" }, 1],
      [{ CAMERA: "front=emulated,far=nats", PUBLISH: "all" }, 2],
      [{ CAMERA: "emulated,nats", PUBLISH: "all" }, 2],
    ] as const;
    for (const [env, count] of rows) {
      await using server = await Server.start({ env: { NATS_URL: hub.url, ...env } });
      await eventually("connected", async () => (await json(server, "/healthz")).hub.connected);
      assertEquals(await connections(), count, JSON.stringify(env));
      await server.stop();
      await eventually("disconnected", async () => await connections() === 0);
    }
  },
);
