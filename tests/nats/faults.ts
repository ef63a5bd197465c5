/** Faults of processes and links, while a viewer watches over NATS, and another over a relay. */
import { LEASE } from "../../lib/nats/protocol.ts";
import { pause } from "../faults/viewer.ts";
import { eventually, type Server } from "../server.ts";
import { FrameReader, type SeenFrame } from "./frame_reader.ts";
import { type TestHost, TestNetwork } from "./network.ts";
import { described, type Results } from "./results.ts";
import { cameraOf, FRAME_SIZE, Hub, signal, startEdge, startOrigin, type Way } from "./systems.ts";

/** Maximum age of a frame that is served, in milliseconds, besides its way. */
const MAX_AGE = 500;
/** Way of a frame over a thin link: its bytes with headers, and the camera's interval. */
const TRANSFER = 1.25 * 1_000;
/** Number of frames that arrive before a fault, over thin links and over others. */
const FRAMES_BEFORE = { thin: 12, fast: 30 };
/** Maximum time from the repair to a frame, in milliseconds. */
const MAX_RECOVERY = 2_000;
/** Maximum time until an edge knows why a camera whose origin has died has no frames, likewise. */
const MAX_REASON = 3_000;
/** Maximum resident memory of the hub, in megabytes. */
const MAX_HUB_MEMORY = 40;
/** `IDLE_SECONDS` of origins, in seconds; a camera is off this long after the lease, and 1 s. */
const IDLE = 2;
const MAX_OFF = LEASE + IDLE * 1_000 + 1_000;

/** Ports of the servers: those of NATS and those of relays run on the same hosts. */
const PORTS: Readonly<Record<Way, number>> = { nats: 8000, relay: 8001 };

/** An origin, an edge, and a viewer of the edge. */
class Chain implements AsyncDisposable {
  origin!: Server;
  edge!: Server;
  reader!: FrameReader;
  readonly #network: TestNetwork;
  readonly #way: Way;

  private constructor(network: TestNetwork, way: Way) {
    this.#network = network;
    this.#way = way;
  }

  /** Starts it and waits until this number of frames has arrived. */
  static async start(network: TestNetwork, way: Way, frames: number): Promise<Chain> {
    const chain = new Chain(network, way);
    await chain.startOrigin();
    await chain.startEdge();
    await chain.watch();
    await eventually(
      `frames arrive over ${way}`,
      () => chain.reader.frames.length >= frames,
      20_000,
    );
    return chain;
  }

  get port(): number {
    return PORTS[this.#way];
  }

  async startOrigin(): Promise<void> {
    const env = { IDLE_SECONDS: `${IDLE}` };
    this.origin = await startOrigin(this.#network.host("origin"), this.#way, {
      port: this.port,
      env,
    });
  }

  async startEdge(): Promise<void> {
    this.edge = await startEdge(this.#network.host("edge"), this.#way, {
      ...{ origin: this.#network.host("origin"), port: this.port, originPort: this.port },
    });
  }

  async watch(): Promise<void> {
    this.reader = await FrameReader.open(this.#network.host("edge"), { port: this.port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader?.[Symbol.asyncDispose]();
    await this.edge?.[Symbol.asyncDispose]();
    await this.origin?.[Symbol.asyncDispose]();
  }
}

/** What a fault happens to. */
interface Scene {
  readonly network: TestNetwork;
  readonly hub: Hub;
  readonly chains: readonly Chain[];
}

/** A link: the one from the origin, and the one to the edge. */
type Link = "origin" | "edge";

/** A fault of a process or a link. */
export interface Fault {
  readonly name: string;
  /** How long it lasts, in seconds. */
  readonly seconds: number;
  /** Whether the origin's process runs on: its camera must be off after the lease. */
  readonly originRuns: boolean;
  /** Whether the origin ends: the edge must say so. */
  readonly originEnds?: boolean;
  /** Limits of links, in bytes per second. The relay, which would share them, is left out then. */
  readonly thin?: Partial<Record<Link, number>>;
  /** Whether the viewer's server ends. */
  readonly edgeEnds?: boolean;
  begin(scene: Scene): Promise<void> | void;
  end(scene: Scene): Promise<void> | void;
}

/** The faults to check. */
export const FAULTS: readonly Fault[] = [
  {
    ...{ name: "kill -9 of the edge", seconds: 9, originRuns: true, edgeEnds: true },
    begin: ({ chains }) => kill(chains.map(({ edge }) => edge)),
    end: ({ chains }) =>
      forAll(chains, async (chain) => {
        await chain.reader[Symbol.asyncDispose]();
        await chain.startEdge();
        await chain.watch();
      }),
  },
  stopped("edge", 10),
  {
    ...{ name: "kill -9 of the origin", seconds: 8, originRuns: false, originEnds: true },
    begin: ({ chains }) => kill(chains.map(({ origin }) => origin)),
    end: ({ chains }) => forAll(chains, (chain) => chain.startOrigin()),
  },
  stopped("origin", 8),
  ...[5, 30].map((seconds): Fault => ({
    ...{ name: `kill -9 of the hub, ${seconds} s`, seconds, originRuns: true },
    begin: ({ hub }) => hub.kill(),
    end: ({ hub }) => hub.restart(),
  })),
  {
    ...{ name: "SIGSTOP of the hub, 12 s", seconds: 12, originRuns: true },
    begin: ({ hub }) => signal(hub, "SIGSTOP"),
    end: ({ hub }) => signal(hub, "SIGCONT"),
  },
  ...(["origin", "edge"] as const).flatMap((host): Fault[] => [
    ...[5, 30].map((seconds) =>
      linkFault(`link of the ${host} cut, ${seconds} s`, seconds, {
        begin: ({ network }) => network.host(host).cut(),
        end: ({ network }) => network.host(host).reconnect(),
      })
    ),
    // TCP repeats lost packets less and less often.
    ...[4, 8, 12, 20].map((seconds) =>
      linkFault(`packets of the ${host} vanish, ${seconds} s`, seconds, {
        begin: ({ network }) => network.host(host).losePackets(),
        end: ({ network }) => network.host(host).unlimit(),
      })
    ),
    // A frame takes 228 ms.
    linkFault(`link of 500 KB/s of the ${host} cut, 5 s`, 5, {
      thin: { [host]: 500_000 },
      begin: ({ network }) => network.host(host).cut(),
      end: ({ network }) => network.host(host).reconnect(),
    }),
  ]),
  {
    ...{ name: "SIGSTOP of the hub, 12 s, links of 500 KB/s", seconds: 12, originRuns: true },
    thin: { origin: 500_000, edge: 500_000 },
    begin: ({ hub }) => signal(hub, "SIGSTOP"),
    end: ({ hub }) => signal(hub, "SIGCONT"),
  },
];

function stopped(process: "edge" | "origin", seconds: number): Fault {
  return {
    ...{ name: `SIGSTOP of the ${process}, ${seconds} s`, seconds },
    originRuns: process === "edge",
    begin: ({ chains }) => chains.forEach((chain) => signal(chain[process], "SIGSTOP")),
    end: ({ chains }) => chains.forEach((chain) => signal(chain[process], "SIGCONT")),
  };
}

function linkFault(
  name: string,
  seconds: number,
  fault: Pick<Fault, "begin" | "end" | "thin">,
): Fault {
  return { name, seconds, originRuns: true, ...fault };
}

/** Checks what viewers see during and after a fault. */
export async function checkFault(results: Results, fault: Fault): Promise<void> {
  await using network = await TestNetwork.create("origin", "edge");
  const [origin, edge] = [network.host("origin"), network.host("edge")];
  const { thin = {} } = fault;
  if (thin.origin) await origin.limit("up", thin.origin);
  if (thin.edge) await edge.limit("down", thin.edge);
  const way = Object.values(thin).reduce((sum, rate) => sum + TRANSFER * FRAME_SIZE / rate, 0);
  const maxAge = MAX_AGE + way;
  await using hub = await Hub.start(network);
  const count = fault.thin ? FRAMES_BEFORE.thin : FRAMES_BEFORE.fast;
  await using nats = await Chain.start(network, "nats", count);
  await using relay = fault.thin ? undefined : await Chain.start(network, "relay", count);
  const chains = relay ? [nats, relay] : [nats];
  const scene = { network, hub, chains };

  const begun = Date.now();
  await fault.begin(scene);
  const isLong = fault.seconds * 1_000 > MAX_OFF;
  const isOff = async () => (await cameraOf(origin)).state === "off";
  const [off, reason] = await Promise.all([
    fault.originRuns && isLong ? timeUntil(isOff, fault.seconds) : undefined,
    fault.originEnds ? timeUntil(() => isFailing(edge, nats.port), fault.seconds) : undefined,
    pause(fault.seconds * 1_000),
  ]);
  const ended = chains.map(({ reader }) => reader.ended);
  await fault.end(scene);
  const repaired = Date.now();
  const isFresh = ({ age }: SeenFrame) => age <= maxAge;
  const recovery = ({ reader }: Chain) =>
    (reader.between(repaired).find(isFresh)?.at ?? NaN) - repaired;
  const areBack = () => chains.every((chain) => recovery(chain) >= 0);
  await eventually("frames arrive again", areBack, 15_000).catch(() => {}); // a goal is missed then
  await pause(Math.max(0, repaired + 4_000 - Date.now()));

  /** Adds what was measured of each chain. */
  const add = (check: string, goal: string, holds: boolean, of: (chain: Chain) => string) =>
    results.add(`${fault.name}: ${check}`, {
      ...{ goal, nats: of(nats), holds },
      ...relay && { relay: of(relay) },
    });
  const oldest = ({ reader }: Chain) => Math.max(0, ...reader.between(begun).map(({ age }) => age));
  const isYoung = oldest(nats) <= maxAge;
  add("oldest frame served", milliseconds(maxAge), isYoung, (it) => milliseconds(oldest(it)));
  const isBack = recovery(nats) <= MAX_RECOVERY;
  const goal = milliseconds(MAX_RECOVERY);
  add("frames after the repair", goal, isBack, (it) => milliseconds(recovery(it)));
  const later = ({ reader }: Chain) => reader.statistics(repaired + 2_000, repaired + 4_000);
  // The rate is whole again. What the machine does besides may cost some frames.
  const fps = fault.thin ? 3 : 25;
  add("2 s after the repair", `${fps} fps`, later(nats).fps >= fps, (it) => described(later(it)));
  if (!fault.edgeEnds) {
    const isOpen = (it: Chain) => !it.reader.ended && !ended[chains.indexOf(it)];
    const stays = (it: Chain) => isOpen(it) ? "stays" : "ended";
    add("the viewer's connection", "stays", isOpen(nats), stays);
  }
  if (off !== undefined) {
    results.add(`${fault.name}: camera off`, {
      goal: milliseconds(MAX_OFF),
      nats: milliseconds(off),
      holds: off <= MAX_OFF,
    });
  }
  if (reason !== undefined) {
    results.add(`${fault.name}: reason in /healthz of the edge`, {
      goal: milliseconds(MAX_REASON),
      nats: milliseconds(reason),
      holds: reason <= MAX_REASON,
    });
  }
  const memory = await hub.memory();
  results.add(`${fault.name}: memory of the hub`, {
    goal: `${MAX_HUB_MEMORY} MB`,
    nats: `${memory.toFixed(0)} MB`,
    holds: memory < MAX_HUB_MEMORY,
  });
  results.verify();
}

/** Checks an edge that is stopped for long: neither the hub nor the other edge may suffer. */
export async function checkStalledEdge(results: Results, seconds: number): Promise<void> {
  await using network = await TestNetwork.create("origin", "edge1", "edge2");
  const nats = await stallEdge(network, "nats", seconds);
  const relay = await stallEdge(network, "relay", seconds);
  const name = `SIGSTOP of an edge, ${seconds} s`;
  results.add(`${name}: memory of the hub`, {
    goal: `${MAX_HUB_MEMORY} MB`,
    nats: `${nats.memory.toFixed(0)} MB`,
    holds: nats.memory < MAX_HUB_MEMORY,
  });
  results.add(`${name}: the other edge meanwhile`, {
    goal: "29 fps, p99 30 ms",
    nats: described(nats.other),
    relay: described(relay.other),
    holds: nats.other.fps >= 29 && nats.other.p99 <= 30,
  });
  results.add(`${name}: its oldest frame after that`, {
    goal: milliseconds(MAX_AGE),
    nats: milliseconds(nats.oldest),
    relay: milliseconds(relay.oldest),
    holds: nats.oldest <= MAX_AGE,
  });
  results.add(`${name}: its frames after that`, {
    goal: milliseconds(MAX_RECOVERY),
    nats: milliseconds(nats.recovery),
    relay: milliseconds(relay.recovery),
    holds: nats.recovery <= MAX_RECOVERY,
  });
  results.verify();
}

async function stallEdge(network: TestNetwork, way: Way, seconds: number) {
  const origin = network.host("origin");
  await using stack = new AsyncDisposableStack();
  const hub = way === "nats" ? stack.use(await Hub.start(network)) : undefined;
  stack.use(await startOrigin(origin, way));
  const hosts = ["edge1", "edge2"].map((name) => network.host(name));
  stack.use(await startEdge(hosts[0]!, way, { origin }));
  const edge = stack.use(await startEdge(hosts[1]!, way, { origin }));
  const other = stack.use(await FrameReader.open(hosts[0]!));
  const reader = stack.use(await FrameReader.open(hosts[1]!));
  await eventually("frames arrive", () => reader.frames.length > 30, 20_000);
  signal(edge, "SIGSTOP");
  const from = Date.now();
  let memory = 0;
  while (Date.now() < from + seconds * 1_000) {
    await pause(1_000);
    memory = Math.max(memory, await hub?.memory() ?? 0);
  }
  const to = Date.now();
  signal(edge, "SIGCONT");
  await eventually("frames arrive again", () => reader.between(to).length > 0, 15_000);
  await pause(4_000);
  const after = reader.between(to);
  return {
    memory,
    other: other.statistics(from, to),
    oldest: Math.max(...after.map(({ age }) => age)),
    recovery: after[0]!.at - to,
  };
}

/** Returns after what time, in milliseconds, a condition holds; NaN if it does not hold in time. */
async function timeUntil(condition: () => Promise<boolean>, seconds: number): Promise<number> {
  const begun = Date.now();
  try {
    await eventually("", condition, seconds * 1_000);
    return Date.now() - begun;
  } catch {
    return NaN;
  }
}

/** Whether a server says that its camera fails, and why. */
async function isFailing(host: TestHost, port: number): Promise<boolean> {
  const { failing } = await host.getJson<{ failing: { reason?: string }[] }>("/healthz", port);
  return Boolean(failing[0]?.reason);
}

async function kill(servers: readonly Server[]): Promise<void> {
  for (const server of servers) await server.stop("SIGKILL");
}

async function forAll<T>(items: readonly T[], call: (item: T) => Promise<void>): Promise<void> {
  await Promise.all(items.map(call));
}

function milliseconds(value: number): string {
  return Number.isNaN(value) ? "never" : `${value.toFixed(0)} ms`;
}
