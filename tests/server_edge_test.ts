import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { NatsServer, startPublisher } from "./nats_server.ts";
import { needing } from "./parts.ts";
import { eventually, readUntil, Server } from "./server.ts";
import { LiveClient } from "./sound/live_client.ts";

/** Frame rate of the origins' cameras. */
const FPS = 20;

/** Starts a server that publishes the camera "front". */
function startOrigin(hub: NatsServer, env: Record<string, string> = {}): Promise<Server> {
  const settings = { CAMERA: "front=emulated", FPS: `${FPS}`, IDLE_SECONDS: "0" };
  return startPublisher(hub, { ...settings, ...env });
}

/** Starts a server that receives cameras. */
function startEdge(hub: NatsServer, env: Record<string, string> = {}): Promise<Server> {
  const settings = { CAMERA: "front=nats", IDLE_SECONDS: "0" };
  return Server.start({ env: { ...settings, NATS_URL: hub.url, ...env } });
}

const text = async (server: Server, path: string) => await (await fetch(server.url + path)).text();
const json = async (server: Server, path: string) => JSON.parse(await text(server, path));
/** The status of a camera. */
const camera = async (server: Server, name = "front") =>
  (await json(server, "/cameras")).find((camera: { name: string }) => camera.name === name);

/** Reads a stream for some parts. @returns Its timestamps, in milliseconds. */
async function watch(server: Server, path: string, parts: number): Promise<number[]> {
  const { body } = await fetch(server.url + path);
  const received = await readUntil(body!, (text) => text.split("--frame").length > parts);
  return [...received.matchAll(/X-Timestamp: (\S+)/g)].map(([, stamp]) => Number(stamp) * 1000);
}

Deno.test(
  "an edge serves a camera of an origin as its own: stream, fps, snapshot, live player, counters",
  needing("nats-server"),
  async () => {
    await using hub = await NatsServer.start();
    await using origin = await startOrigin(hub);
    await using edge = await startEdge(hub);

    const snapshot = await fetch(`${edge.url}/snapshot.jpg`);
    assertEquals([snapshot.status, snapshot.headers.get("Content-Type")], [200, "image/jpeg"]);
    assertGreater((await snapshot.bytes()).length, 1_000);

    const stamps = await watch(edge, "/video_feed", 2 * FPS);
    const seconds = (stamps.at(-1)! - stamps[1]!) / 1000;
    assertGreater((stamps.length - 2) / seconds, 0.8 * FPS);
    assertLess(Date.now() - stamps.at(-1)!, 500); // one machine, one clock

    const thinned = await watch(edge, "/video_feed?fps=4", 6);
    const interval = (thinned.at(-1)! - thinned[1]!) / (thinned.length - 2);
    assertGreater(interval, 200);

    {
      await using live = await LiveClient.open(edge.url, ["front"]);
      await eventually("frames in the player", () => live.frames.ages.length > FPS);
    }
    const { link, published, state, size } = await camera(edge);
    assertEquals([published, link.late, link.duplicate], [undefined, 0, false]);
    assertGreater(link.frames, 3 * FPS);
    assertGreater(link.bytes, 1_000 * link.frames);
    assertEquals(size, (await camera(origin)).size);
    assert(["streaming", "off"].includes(state));
    assertMatch(
      await text(edge, "/metrics"),
      /\ndinocam_link_frames_total\{camera="front"\} \d+\n/,
    );
    await eventually("the origin's camera is off", async () => {
      const { state, published } = await camera(origin);
      return state === "off" && published.edges === 0;
    });
    assertEquals((await camera(edge)).link.lanes, 0);
    assertEquals((await edge.stop()).code, 0);
    assertEquals((await origin.stop()).code, 0);
    assertEquals(`${edge.output}${origin.output}`.match(/ (warn|error) .*/g), null);
  },
);

Deno.test(
  "an edge with CAMERA=nats has the cameras that origins publish, as long as they do",
  needing("nats-server"),
  async () => {
    await using hub = await NatsServer.start();
    await using edge = await startEdge(hub, { CAMERA: "nats" });
    const names = async () =>
      (await json(edge, "/cameras")).map(({ name }: { name: string }) => name).join();
    assertEquals(await names(), "");
    await using _yard = await startOrigin(hub, { CAMERA: "yard=emulated" });
    await using origin = await startOrigin(hub, { CAMERA: "front=emulated,back=emulated" });
    await eventually("three cameras", async () => await names() === "back,front,yard");
    const snapshot = await fetch(`${edge.url}/cameras/yard/snapshot.jpg`);
    assertEquals(snapshot.status, 200);
    await snapshot.bytes();
    await origin.stop(); // says that its cameras are gone
    await eventually("one camera", async () => await names() === "yard");
    const gone = await fetch(`${edge.url}/cameras/front/snapshot.jpg`);
    assertEquals(gone.status, 404);
    await gone.body?.cancel();
  },
);

Deno.test(
  "a server that publishes and receives discovers the cameras of others only",
  needing("nats-server"),
  async () => {
    await using hub = await NatsServer.start();
    await using one = await startOrigin(hub, { CAMERA: "front=emulated,nats" });
    await using other = await startOrigin(hub, { CAMERA: "nats,back=emulated" });
    const drivers = async (server: Server) =>
      (await json(server, "/cameras")).map((camera: { name: string; driver: string }) =>
        `${camera.name}=${camera.driver}`
      ).join();
    await eventually(
      "the other's camera",
      async () => await drivers(one) === "front=emulated,back=nats",
    );
    await eventually(
      "the one's camera",
      async () => await drivers(other) === "front=nats,back=emulated",
    );
    for (const [server, path] of [[one, "back"], [other, "front"]] as const) {
      const snapshot = await fetch(`${server.url}/cameras/${path}/snapshot.jpg`).then(drain);
      assertEquals(snapshot.status, 200);
    }
    for (const server of [one, other]) {
      assertEquals((await server.stop()).code, 0);
      assertEquals(server.output.match(/camera ignored.*/g), null);
    }
  },
);

Deno.test(
  "an edge keeps its viewers after kill -9 of the origin, says why, and goes on with the next one",
  needing("nats-server"),
  async () => {
    await using hub = await NatsServer.start();
    await using first = await startOrigin(hub);
    await using edge = await startEdge(hub);
    const { body } = await fetch(`${edge.url}/video_feed`);
    const reader = body!.getReader();
    let received = 0;
    const reading = (async () => {
      while (!(await reader.read()).done) received++;
    })();
    await eventually("frames", () => received > FPS);
    await first.stop("SIGKILL");
    const begun = performance.now();
    await eventually(
      "the reason",
      async () => (await text(edge, "/healthz")).includes("Nobody publishes a camera"),
    );
    assertLess(performance.now() - begun, 3_000);
    await using _second = await startOrigin(hub);
    const started = performance.now();
    const before = received;
    await eventually("frames again", () => received > before + 5);
    assertLess(performance.now() - started, 2_000);
    assertEquals((await fetch(`${edge.url}/healthz`).then(drain)).status, 200);
    await reader.cancel();
    await reading;
  },
);

Deno.test(
  "an edge without its hub says so, and shows the camera again when the hub is back",
  needing("nats-server"),
  async () => {
    await using hub = await NatsServer.start();
    await using _origin = await startOrigin(hub);
    await using edge = await startEdge(hub);
    const stamps = await watch(edge, "/video_feed", 5);
    assertGreater(stamps.length, 3);
    const { body } = await fetch(`${edge.url}/video_feed`);
    const reader = body!.getReader();
    await reader.read();
    await hub.stop();
    await eventually(
      "the reason",
      async () => (await text(edge, "/healthz")).includes("No connection to the hub"),
    );
    await hub.run();
    await eventually("the camera streams", async () => (await camera(edge)).state === "streaming");
    await reader.cancel();
    assertEquals((await fetch(`${edge.url}/snapshot.jpg`).then(drain)).status, 200);
  },
);

Deno.test("an edge records what it receives", needing("nats-server"), async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using hub = await NatsServer.start();
    await using _origin = await startOrigin(hub);
    await using edge = await startEdge(hub, { RECORD_DIR: folder });
    await eventually("a recording", async () => {
      const { oldest, newest, bytes } = await json(edge, "/cameras/front/recordings");
      return newest - oldest > 1_000 && bytes > 1_000 * FPS;
    }, 20_000);
    const { link, viewers, backgroundSubscribers } = await camera(edge);
    assertEquals([viewers, backgroundSubscribers], [0, 1]);
    assertGreater(link.lanes, 0);
    assertEquals((await edge.stop()).code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a camera by the driver nats needs NATS_URL", async () => {
  for (const CAMERA of ["front=nats", "nats"]) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--allow-all", "main.ts"],
      cwd: new URL("..", import.meta.url),
      env: { CAMERA, PORT: "0" },
      stdin: "null",
    }).output();
    assertEquals(code, 2);
    assertStringIncludes(new TextDecoder().decode(stderr), "without NATS_URL: set it");
  }
});

async function drain(response: Response): Promise<Response> {
  await response.body?.cancel();
  return response;
}
