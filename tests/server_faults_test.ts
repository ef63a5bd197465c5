import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
  assertStringIncludes,
} from "@std/assert";
import { splitJpegs } from "../lib/jpeg/split.ts";
import { needing, PYTHON } from "./parts.ts";
import { descendants, eventually, FAKES, Server } from "./server.ts";

const needed = needing(PYTHON);

Deno.test(
  "the server replaces a killed capture within 1 s, and the viewer stays connected",
  needed,
  async () => {
    await using pi = await start({ FAKE_CAMERA_START_DELAY_MS: "100" });
    await using viewer = await Viewer.join(pi.server);
    for (let killed = 0; killed < 2; killed++) {
      await viewer.frames(10);
      const [capture] = [...(await descendants(pi.server.pid)).keys()];
      Deno.kill(capture!, "SIGKILL");
      const died = performance.now();
      await pi.starts(killed + 2);
      await viewer.frames(viewer.seen + 3); // two of them may have been in flight
      assertLess(performance.now() - died, 1_000);
    }
    await eventually("it streams", async () => (await pi.camera()).state === "streaming");
    assertEquals(pi.log("camera failed").length, 2);
  },
);

Deno.test(
  "the server replaces a hung capture within 5 s, and logs the reason",
  needed,
  async () => {
    await using pi = await start({ FAKE_CAMERA_HANG_AFTER: "20", FAKE_CAMERA_TIMEOUTS: "1" });
    await using viewer = await Viewer.join(pi.server);
    await viewer.frames(15);
    await eventually("the capture hangs", async () => (await pi.journal("hang")).length === 1);
    const hung = performance.now();
    await pi.starts(2);
    await viewer.frames(30);
    assertLess(performance.now() - hung, 5_000);
    const [failure] = pi.log("camera failed");
    assertStringIncludes(
      failure!,
      "No picture for 3 s: rpicam-vid: ERROR: Device timeout detected",
    );
    assertStringIncludes(failure!, "check the cable");
  },
);

Deno.test(
  "the server starts a capture that always crashes 2 to 12 times in 20 s, however many clients request it",
  needed,
  async () => {
    await using pi = await start({
      FAKE_CAMERA_DIE_AFTER: "0",
      FAKE_CAMERA_DIE_TEXT: "ERROR: *** no lens ***",
    });
    const until = performance.now() + 20_000;
    const statuses = new Map<number, number>();
    const request = async () => {
      while (performance.now() < until) {
        const path = Math.random() < 0.5 ? "snapshot.jpg" : "video_feed";
        const { status, body, headers } = await fetch(`${pi.server.url}/${path}`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 503) assert(Number(headers.get("Retry-After")) >= 1);
        await body?.cancel();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    await Promise.all(Array.from({ length: 20 }, request));
    const starts = (await pi.journal("start")).length;
    assertGreaterOrEqual(starts, 2);
    assertLessOrEqual(starts, 12);
    assertEquals([...statuses.keys()], [503]);
    const response = await fetch(`${pi.server.url}/snapshot.jpg`);
    assertStringIncludes(await response.text(), "no lens");
    const health = await fetch(`${pi.server.url}/healthz`);
    assertEquals(health.status, 503);
    assertStringIncludes(await health.text(), "no lens");
    assertStringIncludes((await pi.camera()).lastError, "no lens");
    assertEquals(pi.log("camera failed").length, 1);
  },
);

Deno.test(
  "the server streams a camera in use by another program once that program releases it",
  needed,
  async () => {
    await using pi = await start();
    const other = new Deno.Command(`${FAKES}/rpicam-vid`, {
      args: ["-n", "-t", "0", "--codec", "mjpeg", "-o", "/dev/null"],
      env: pi.env,
      stderr: "null",
    }).spawn();
    await pi.starts(1);
    await eventually(
      "the other program has the camera",
      async () => (await pi.journal("first")).length === 1,
    );
    const refused = await fetch(`${pi.server.url}/snapshot.jpg`);
    assertEquals(refused.status, 503);
    assertStringIncludes(await refused.text(), "fuser -v /dev/media*");
    const health = await fetch(`${pi.server.url}/healthz`);
    assertEquals(health.status, 503);
    assertStringIncludes(await health.text(), "failed to acquire camera");
    other.kill("SIGTERM");
    await other.status;
    await eventually("the camera delivers frames", async () => {
      const { status, body } = await fetch(`${pi.server.url}/snapshot.jpg`);
      await body?.cancel();
      return status === 200;
    });
    assertEquals(await (await fetch(`${pi.server.url}/healthz`)).json(), {
      status: "ok",
      failing: [],
    });
  },
);

Deno.test(
  "a viewer receives no garbage and no broken frames, and much output on stderr delays nothing",
  needed,
  async () => {
    await using pi = await start({
      FAKE_CAMERA_GARBAGE: "3000",
      FAKE_CAMERA_GARBAGE_EVERY: "2",
      FAKE_CAMERA_TRUNCATE_EVERY: "3",
      FAKE_CAMERA_STDERR_BYTES: "100000",
    });
    await using viewer = await Viewer.join(pi.server);
    await viewer.frames(40);
    assertEquals(viewer.broken, 0);
    const { broken } = await pi.camera();
    assertGreaterOrEqual(broken, 10);
  },
);

Deno.test(
  "the server discards 64 MiB of a frame without an end in bounded memory, and then streams again",
  needing("sh", "head", "sleep", "cat"),
  async () => {
    const picture = new URL("../cameras/emulated/1.jpg", import.meta.url).pathname;
    // A frame that begins and never ends, then complete frames.
    const endless = "printf '\\377\\330\\377\\340\\000\\020'; head -c 67108864 /dev/zero";
    const script = `${endless}; while sleep 0.05; do cat ${picture}; done`;
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/endless.sh`, script);
      const env = { CAMERA: "exec", SOURCE: `sh ${folder}/endless.sh` };
      await using server = await Server.start({ env });
      const before = await memoryOf(server.pid);
      await using viewer = await Viewer.join(server);
      await viewer.frames(5);
      assertEquals(viewer.broken, 0);
      // The discarded bytes may not have been collected yet: at most two frames of the largest
      // size.
      assertLess(await memoryOf(server.pid) - before, 100e6);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

/** A viewer that reads a stream and splits it into images. */
class Viewer implements AsyncDisposable {
  /** Number of complete images received. */
  seen = 0;
  readonly #images: ReturnType<typeof splitJpegs>;
  readonly #stop: AbortController;

  private constructor(body: ReadableStream<Uint8Array<ArrayBuffer>>, stop: AbortController) {
    this.#images = splitJpegs(body.values());
    this.#stop = stop;
  }

  static async join({ url }: Server): Promise<Viewer> {
    const stop = new AbortController();
    const { status, body } = await fetch(`${url}/video_feed`, { signal: stop.signal });
    assertEquals(status, 200);
    return new Viewer(body!, stop);
  }

  /** Number of broken images received. */
  get broken(): number {
    return this.#images.counts.broken;
  }

  /** Waits until `count` images have been received. */
  async frames(count: number): Promise<void> {
    while (this.seen < count) {
      const { done } = await this.#images.next();
      assert(!done, "the stream has ended");
      this.seen++;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#images.return(undefined).catch(() => {}); // the abort above
  }
}

/** Starts a server with the stand-in for the Raspberry Pi's camera, which has the given faults. */
async function start(faults: Record<string, string> = {}) {
  const folder = await Deno.makeTempDir();
  const env = {
    CAMERA: "pi",
    WIDTH: "320",
    HEIGHT: "240",
    PATH: `${FAKES}:${Deno.env.get("PATH")}`,
    FAKE_CAMERA_LOG: `${folder}/log`,
    FAKE_CAMERA_LOCK_DIR: folder,
    FAKE_CAMERA_ID: crypto.randomUUID(),
    ...faults,
  };
  const server = await Server.start({ env });
  const journal = async (event: string) => {
    const lines = (await Deno.readTextFile(`${folder}/log`).catch(() => "")).split("\n");
    return lines.filter((line) => line.includes(`"${event}"`));
  };
  return {
    server,
    env,
    /** Returns the lines of the stand-in's journal with an event. */
    journal,
    starts: (count: number) =>
      eventually(`${count} starts`, async () => (await journal("start")).length >= count),
    log: (event: string) => server.output.split("\n").filter((line) => line.includes(event)),
    camera: async () => (await (await fetch(`${server.url}/cameras`)).json())[0],
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Returns the resident memory of a process, in bytes. */
async function memoryOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s*(\d+) kB/.exec(status)![1]) * 1024;
}
