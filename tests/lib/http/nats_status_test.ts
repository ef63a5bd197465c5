import { assertEquals, assertMatch } from "@std/assert";
import { Authenticator } from "../../../lib/auth/mod.ts";
import { Camera } from "../../../lib/camera/camera.ts";
import { systemClock as clock } from "../../../lib/clock.ts";
import type { HubStatus, NatsHub } from "../../../lib/nats/nats_hub.ts";
import { noEvents, silentLog } from "../../silent.ts";
import { createServerApp } from "./server_app.ts";

const PUBLISHED = { edges: 2, frames: 30, bytes: 3_000_000, tooLarge: 1 };
const LINK = { lanes: 5, frames: 20, bytes: 2_000_000, late: 3, duplicate: false };
const SINCE = Date.UTC(2026, 10, 27, 18);
const AWAY: HubStatus = { connected: false, since: SINCE, reason: "connection refused" };

/** A server with the camera "front", which it publishes, "far" from the hub, and "own". */
function setUp(status?: HubStatus) {
  const hub = status && {
    status,
    publication: (camera: string) => camera === "front" ? PUBLISHED : undefined,
    link: (camera: string) => camera === "far" ? LINK : undefined,
  } as NatsHub;
  const cameras = ["front", "far", "own"].map((name) =>
    new Camera({
      name,
      driver: "test",
      open: () => {
        throw new Error("nobody watches");
      },
      idleTimeout: 0,
      clock,
      events: noEvents,
    })
  );
  const authenticator = new Authenticator({ user: "me", password: "secret" }, {
    clock,
    log: silentLog,
  });
  const app = createServerApp({ cameras, hub, authenticator });
  const headers = { Authorization: `Basic ${btoa("me:secret")}` };
  const get = async (path: string) => await app.request(path, { headers });
  return { app, get };
}

Deno.test("GET /cameras describes what is published, and what comes from the hub", async () => {
  const cameras = await (await setUp(AWAY).get("/cameras")).json();
  const fields = cameras.map(({ name, published, link }: Record<string, unknown>) => {
    return { name, published, link };
  });
  assertEquals(fields, [
    { name: "front", published: PUBLISHED, link: undefined },
    { name: "far", published: undefined, link: LINK },
    { name: "own", published: undefined, link: undefined },
  ]);
  const text = await (await setUp().get("/cameras")).text();
  assertEquals(/published|link/.test(text), false);
});

Deno.test("GET /healthz is 200 while the hub is away; why is for authenticated clients", async () => {
  const { app, get } = setUp(AWAY);
  const since = "2026-11-27T18:00:00.000Z";
  const known = await get("/healthz");
  assertEquals([known.status, (await known.json()).hub], [
    200,
    { connected: false, since, reason: "connection refused" },
  ]);
  const unknown = await app.request("/healthz");
  assertEquals([unknown.status, (await unknown.json()).hub], [200, { connected: false, since }]);
  assertEquals("hub" in await (await setUp().get("/healthz")).json(), false);
});

Deno.test("GET /metrics has the state of the hub, and of its cameras only", async () => {
  const text = await (await setUp({ ...AWAY, connected: true }).get("/metrics")).text();
  assertEquals(text.match(/^dinocam_(hub|published|link).*$/gm), [
    "dinocam_hub_connected 1",
    'dinocam_published_edges{camera="front"} 2',
    'dinocam_published_frames_total{camera="front"} 30',
    'dinocam_published_bytes_total{camera="front"} 3000000',
    'dinocam_published_too_large_total{camera="front"} 1',
    'dinocam_link_lanes{camera="far"} 5',
    'dinocam_link_frames_total{camera="far"} 20',
    'dinocam_link_bytes_total{camera="far"} 2000000',
    'dinocam_link_late_total{camera="far"} 3',
  ]);
  assertMatch(await (await setUp(AWAY).get("/metrics")).text(), /^dinocam_hub_connected 0$/m);
});
