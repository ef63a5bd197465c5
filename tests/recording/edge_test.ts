import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { withFolder } from "../clients/client.ts";
import { RawViewer } from "../faults/viewer.ts";
import { NatsServer, startPublisher } from "../nats_server.ts";
import { freePort } from "../nginx.ts";
import { needing } from "../parts.ts";
import { eventually, Server } from "../server.ts";
import { needingLinux, readRecording, type RecordingState } from "./recording_server.ts";

/** A camera in `GET /cameras`. */
interface Camera {
  readonly name: string;
  readonly state: string;
  readonly viewers: number;
  readonly recording: RecordingState;
}

/** Asks on a connection of its own. */
async function camerasOf({ url }: { url: string }): Promise<Camera[]> {
  return await (await fetch(`${url}/cameras`, { headers: { Connection: "close" } })).json();
}

async function cameraOf(server: Server, name: string): Promise<Camera | undefined> {
  return (await camerasOf(server)).find((camera) => camera.name === name);
}

function startOrigin(hub: NatsServer): Promise<Server> {
  return startPublisher(hub, { CAMERA: "yard=emulated,shed=emulated", FPS: "20" });
}

Deno.test(
  "an edge records the cameras of a hub, also after their origin was killed",
  needing("nats-server"),
  async () => {
    await withFolder(async (folder) => {
      await using hub = await NatsServer.start();
      await using edge = await Server.start({
        env: {
          ...{ NATS_URL: hub.url, CAMERA: "nats", RECORD_DIR: folder },
          ...{ SHED_RECORD: "off", YARD_RECORD_FPS: "10" },
        },
      });
      assertEquals(await camerasOf(edge), []);
      const frames = async () => (await cameraOf(edge, "yard"))?.recording.frames ?? 0;
      let recorded = 0;
      {
        await using origin = await startOrigin(hub);
        await eventually("the camera is recorded", async () => await frames() >= 20);
        assertEquals((await cameraOf(edge, "shed"))!.recording.state, "off");
        await origin.stop("SIGKILL");
      }
      await eventually(
        "the camera that is not recorded is gone",
        async () => (await cameraOf(edge, "shed")) === undefined,
        20_000,
      );
      await eventually("the other one has failed, and is not recorded now", async () => {
        const { state, recording } = (await cameraOf(edge, "yard"))!;
        return state === "failed" && recording.state === "waiting";
      }, 20_000);
      const { newest } = (await cameraOf(edge, "yard"))!.recording;
      const snapshot = await fetch(`${edge.url}/cameras/yard/snapshot.jpg?at=${newest! / 1000}`);
      assertEquals(snapshot.status, 200);
      await snapshot.bytes();
      recorded = await frames();

      await using _origin = await startOrigin(hub);
      await eventually("it is recorded again", async () => await frames() >= recorded + 20);
      assertEquals((await edge.stop()).code, 0);
      const files = await readRecording(folder, "yard");
      assertEquals(files.open, []);
      assertLess(recorded + 20, files.frames.length + 1);
      const times = files.frames.map(({ at }) => at);
      assertEquals(times, times.toSorted((a, b) => a - b));
      const rate = 1_000 * 10 / (times[10]! - times[0]!); // as YARD_RECORD_FPS says
      assertLessOrEqual(rate, 11);

      // A camera that CAMERA names is there from the start, also without the hub.
      await hub.stop();
      const env = { NATS_URL: hub.url, CAMERA: "yard=nats,nats", RECORD_DIR: folder };
      await using later = await Server.start({ env });
      assertEquals((await camerasOf(later)).map(({ name }) => name), ["yard"]);
      await eventually(
        "its recordings are there",
        async () => (await cameraOf(later, "yard"))!.recording.oldest === times[0],
      );
    });
  },
);

Deno.test(
  "two edges of a hub serve one port, and one can stop alone",
  needingLinux("nats-server"),
  async () => {
    await using hub = await NatsServer.start();
    await using _origin = await startOrigin(hub);
    const env = { NATS_URL: hub.url, CAMERA: "yard=nats", REUSE_PORT: "on", PORT: `${freePort()}` };
    await using first = await Server.start({ env });
    await using second = await Server.start({ env });
    const viewers = await Promise.all(
      Array.from({ length: 16 }, () => RawViewer.watch(first.url)),
    );
    using stack = new DisposableStack();
    for (const viewer of viewers) stack.use(viewer);
    const ended = new Set<RawViewer>();
    const reading = viewers.map((viewer) =>
      viewer.readUntil(() => false).then(() => ended.add(viewer))
    );
    await eventually("all get frames", () => viewers.every((viewer) => viewer.frames >= 20));
    const counts = new Set<number>();
    await eventually("both edges have viewers", async () => {
      counts.add((await camerasOf(first))[0]!.viewers);
      const [a, b = a] = [...counts];
      return a! + b! === viewers.length;
    });
    assert([...counts].every((count) => count > 0));
    assertEquals((await first.stop()).code, 0);
    const others = viewers.filter((viewer) => !ended.has(viewer));
    assert(others.length > 0 && ended.size > 0);
    const before = others.map((viewer) => viewer.frames);
    await eventually(
      "the viewers of the other one go on",
      () => others.every((viewer, i) => viewer.frames >= before[i]! + 20),
    );
    assertEquals((await second.stop()).code, 0);
    await Promise.all(reading);
  },
);
