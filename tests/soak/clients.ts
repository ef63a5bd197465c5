import { assertEquals, assertMatch } from "@std/assert";
import { settlesWithin } from "../../lib/clock.ts";
import { get, pause, RawViewer } from "../faults/viewer.ts";
import type { Random } from "../random.ts";
import { LiveClient } from "../sound/live_client.ts";

/** Cameras of the server. The second one is watched so rarely that it becomes idle. */
export const CAMERAS = ["front", "back"] as const;

const FRONT = "/cameras/front/video_feed";
const BACK = "/cameras/back/video_feed";

/** A kind of client, and its use of the server from connecting to disconnecting. */
interface Session {
  readonly name: string;
  /** Number of clients of this kind. */
  readonly clients: number;
  /** Longest time between two sessions of a client, in milliseconds. */
  readonly pause: number;
  run(server: string, random: Random): Promise<void>;
}

const SESSIONS: readonly Session[] = [
  {
    name: "stream",
    clients: 6,
    pause: 500,
    run: (server, random) => readFor(server, FRONT, random.integer(100, 5_000)),
  },
  {
    name: "camera that becomes idle",
    clients: 1,
    pause: 8_000,
    run: (server, random) =>
      random.of([
        () => readFor(server, BACK, random.integer(500, 3_000)),
        () => load(server, "/cameras/back/snapshot.jpg"),
        () => watchLive(server, CAMERAS, random.integer(500, 3_000)),
      ])(),
  },
  {
    name: "limited stream",
    clients: 1,
    pause: 1_000,
    run: (server, random) => readFor(server, `${FRONT}?fps=5`, random.integer(500, 3_000)),
  },
  {
    name: "snapshot",
    clients: 2,
    pause: 300,
    run: (server) => load(server, "/cameras/front/snapshot.jpg"),
  },
  {
    name: "page",
    clients: 1,
    pause: 1_000,
    async run(server) {
      const page = await (await fetch(`${server}/`)).text();
      assertMatch(page, /<html/);
      for (const [, file] of page.matchAll(/(?:src|href)="((?:\/|static\/)[^"]+)"/g)) {
        await load(server, new URL(file!, `${server}/`).pathname);
      }
      for (const path of ["/cameras", "/metrics"]) await load(server, path);
    },
  },
  {
    name: "live",
    clients: 3,
    pause: 500,
    run: (server, random) => watchLive(server, ["front"], random.integer(100, 5_000)),
  },
  {
    name: "slow",
    clients: 2,
    pause: 500,
    async run(server, random) {
      using viewer = await RawViewer.watch(server, FRONT);
      const end = performance.now() + random.integer(1_000, 8_000);
      while (performance.now() < end && await viewer.read()) await pause(random.integer(50, 500));
    },
  },
  {
    name: "stalled",
    clients: 2,
    pause: 500,
    async run(server, random) {
      using _ = await RawViewer.watch(server, FRONT);
      await pause(random.integer(1_000, 10_000));
    },
  },
  {
    name: "disconnected in a request",
    clients: 1,
    pause: 1_000,
    async run(server, random) {
      using _ = await RawViewer.open(server, get(FRONT).slice(0, random.integer(1, 50)));
      await pause(random.integer(0, 500));
    },
  },
];

/** Clients that connect and disconnect all the time. */
export class Clients implements AsyncDisposable {
  /** Number of sessions by name. */
  readonly counts = new Map(SESSIONS.map(({ name }) => [name, 0]));
  /** Sessions that failed, in words. */
  readonly failures: string[] = [];
  readonly #leave = Promise.withResolvers<void>();
  readonly #all: Promise<unknown>;
  #areLeaving = false;

  constructor(server: string, random: Random) {
    this.#all = Promise.all(
      SESSIONS.flatMap((session) =>
        Array.from({ length: session.clients }, () => this.#repeat(session, server, random))
      ),
    );
  }

  /** Waits until all have left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#areLeaving = true;
    this.#leave.resolve();
    await this.#all;
  }

  async #repeat({ name, pause, run }: Session, server: string, random: Random): Promise<void> {
    while (!this.#areLeaving) {
      try {
        await run(server, random);
        this.counts.set(name, this.counts.get(name)! + 1);
      } catch (error) {
        this.failures.push(`${name}: ${(error as Error).message}`);
      }
      await settlesWithin(this.#leave.promise, random.integer(0, pause));
    }
  }
}

/** Watches a stream for some milliseconds. */
async function readFor(server: string, path: string, ms: number): Promise<void> {
  using viewer = await RawViewer.watch(server, path);
  const end = performance.now() + ms;
  if (!await viewer.readUntil(() => performance.now() > end)) throw new Error("the stream ended");
}

/** Watches cameras by the live protocol for some milliseconds. */
async function watchLive(server: string, cameras: readonly string[], ms: number): Promise<void> {
  await using _ = await LiveClient.open(server, cameras);
  await pause(ms);
}

async function load(server: string, path: string): Promise<void> {
  const response = await fetch(server + path);
  await response.arrayBuffer();
  assertEquals(response.status, 200, path);
}
