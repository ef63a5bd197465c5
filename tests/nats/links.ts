/** Frames over slow and long links, and over none, as nobody watches. */
import { pause } from "../faults/viewer.ts";
import { eventually } from "../server.ts";
import { FrameReader, type FrameStatistics } from "./frame_reader.ts";
import { TestNetwork } from "./network.ts";
import { described, type Results } from "./results.ts";
import {
  cameraOf,
  type EdgeOptions,
  FRAME_SIZE,
  Hub,
  HUB_PORT,
  type OriginOptions,
  PORT,
  signal,
  startEdge,
  startOrigin,
  startProxy,
  type Way,
} from "./systems.ts";
import { LEASE } from "../../lib/nats/protocol.ts";

/** A thin link, in bytes per second: a frame takes 228 ms. */
const THIN = 500_000;
const EDGES = ["edge1", "edge2", "edge3"];

/** What was measured at edges with a viewer each. */
interface Measurement {
  readonly edges: readonly FrameStatistics[];
  /** Frames on the origin's uplink, by its count; NaN for relays. */
  readonly published: number;
  /** Bytes on the origin's uplink, in the size of a frame. */
  readonly uplink: number;
}

interface MeasureOptions {
  readonly seconds: number;
  /** Time before, from the viewers' requests on, in milliseconds. */
  readonly settle: number;
  readonly edges?: readonly string[];
  readonly origin?: OriginOptions;
  readonly edge?: Partial<EdgeOptions>;
}

/** Starts an origin and edges, with a viewer each, and measures what the viewers receive. */
async function measure(network: TestNetwork, way: Way, options: MeasureOptions) {
  const { seconds, settle, edges = EDGES } = options;
  const originHost = network.host("origin");
  await using stack = new AsyncDisposableStack();
  if (way === "nats") stack.use(await Hub.start(network));
  stack.use(await startOrigin(originHost, way, options.origin));
  for (const name of edges) {
    const edge = { origin: originHost, ...options.edge };
    stack.use(await startEdge(network.host(name), way, edge));
  }
  const readers = await Promise.all(edges.map((name) => FrameReader.open(network.host(name))));
  for (const reader of readers) stack.use(reader);
  await pause(settle);
  const publishedFrames = async () =>
    way === "nats" ? (await cameraOf(originHost)).published!.frames : NaN;
  const [from, before, sent] = [Date.now(), await publishedFrames(), await originHost.traffic()];
  await pause(seconds * 1_000);
  const [to, after, sentAfter] = [Date.now(), await publishedFrames(), await originHost.traffic()];
  return {
    edges: readers.map((reader) => reader.statistics(from, to)),
    published: after - before,
    uplink: (sentAfter.sent - sent.sent) / FRAME_SIZE,
  } satisfies Measurement;
}

/** Measures over NATS, and over relays on the same links. */
async function measureBoth(network: TestNetwork, options: MeasureOptions) {
  const nats = await measure(network, "nats", options);
  return { nats, relay: await measure(network, "relay", options) };
}

/** Checks three edges behind the thin uplink of their origin. */
export async function checkUplink(results: Results, seconds: number): Promise<void> {
  await using network = await TestNetwork.create("origin", ...EDGES);
  await network.host("origin").limit("up", THIN);
  const { nats, relay } = await measureBoth(network, { seconds, settle: 5_000 });
  for (const [i, statistics] of nats.edges.entries()) {
    results.add(`uplink of 500 KB/s, edge ${i + 1} of 3`, {
      goal: "3.8 fps, p99 400 ms",
      nats: described(statistics),
      relay: described(relay.edges[i]!),
      holds: statistics.fps >= 3.8 && statistics.p99 <= 400,
    });
  }
  results.add("differences between the edges", {
    goal: "5 %",
    nats: `${percent(spread(nats.edges))} of the frames`,
    relay: percent(spread(relay.edges)),
    holds: spread(nats.edges) <= 0.05,
  });
  const received = Math.max(...nats.edges.map(({ frames }) => frames));
  const relayed = Math.max(...relay.edges.map(({ frames }) => frames));
  results.add("frames on the uplink for each that an edge receives", {
    goal: "1.1",
    nats: `${(nats.published / received).toFixed(2)} (${
      (nats.uplink / received).toFixed(2)
    } in bytes)`,
    relay: `${(relay.uplink / relayed).toFixed(2)} in bytes`,
    holds: nats.published / received <= 1.1,
  });
  results.verify();
}

/** Checks one edge on a thin link, beside others. */
export async function checkThinEdge(results: Results, seconds: number): Promise<void> {
  await using network = await TestNetwork.create("origin", ...EDGES);
  await network.host("edge2").limit("down", THIN);
  const { nats, relay } = await measureBoth(network, { seconds, settle: 5_000 });
  for (const [i, statistics] of nats.edges.entries()) {
    const isThin = i === 1;
    results.add(isThin ? "edge on 500 KB/s" : "edge beside it", {
      goal: isThin ? "p99 300 ms" : "29 fps, p99 30 ms",
      nats: described(statistics),
      relay: described(relay.edges[i]!),
      holds: isThin
        ? statistics.frames > 0 && statistics.p99 <= 300
        : statistics.fps >= 29 && statistics.p99 <= 30,
    });
  }
  results.verify();
}

/** A very thin link, in bytes per second, the time of a frame on it, and how long it is measured. */
const THINNEST = 25_000;
const THINNEST_FRAME = FRAME_SIZE / THINNEST;
const THINNEST_SECONDS = 45;

/** Checks an edge that needs seconds for each frame: these are not late, and nothing stalls. */
export async function checkThinnestEdge(results: Results): Promise<void> {
  await using network = await TestNetwork.create("origin", "edge1");
  await network.host("edge1").limit("down", THINNEST);
  const options = { seconds: THINNEST_SECONDS, settle: 15_000, edges: ["edge1"] };
  const { nats, relay } = await measureBoth(network, options);
  const [statistics, relayed] = [nats.edges[0]!, relay.edges[0]!];
  const [fps, age] = [0.8 / THINNEST_FRAME, 1.3 * THINNEST_FRAME * 1_000];
  results.add(`edge on 25 KB/s, where a frame takes ${THINNEST_FRAME.toFixed(1)} s`, {
    goal: `${fps.toFixed(2)} fps, p99 ${age.toFixed(0)} ms`,
    nats: described(statistics),
    relay: described(relayed),
    holds: statistics.fps >= fps && statistics.p99 <= age,
  });
  results.verify();
}

/** Round-trip time of the origin and of the edge to the hub, in milliseconds. */
const ROUND_TRIP = 100;
const EDGE_PROXY = 4301;
const ORIGIN_PROXY = 4302;
const RELAY_PROXY = 4303;
const RELAY_PROXY_BEFORE_ORIGIN = 4304;

/** Checks an origin and an edge far from the hub. */
export async function checkLongWay(results: Results, seconds: number): Promise<void> {
  await using network = await TestNetwork.create("origin", "edge1");
  const { hub } = network;
  const delay = ROUND_TRIP / 2;
  const way = 2 * delay;
  await using stack = new AsyncDisposableStack();
  const origin = `${network.host("origin").address}:${PORT}`;
  for (
    const [port, target] of [
      [EDGE_PROXY, `127.0.0.1:${HUB_PORT}`],
      [ORIGIN_PROXY, `127.0.0.1:${HUB_PORT}`],
      [RELAY_PROXY_BEFORE_ORIGIN, origin],
      [RELAY_PROXY, `127.0.0.1:${RELAY_PROXY_BEFORE_ORIGIN}`],
    ] as const
  ) stack.use(await startProxy(hub, { port, target, delay }));
  const { nats, relay } = await measureBoth(network, {
    ...{ seconds, settle: 3_000, edges: ["edge1"] },
    origin: { hubPort: ORIGIN_PROXY },
    edge: { hubPort: EDGE_PROXY, originPort: RELAY_PROXY, proxied: true },
  });
  const [statistics, relayed] = [nats.edges[0]!, relay.edges[0]!];
  results.add("round trips of 100 + 100 ms, from 3 s after the viewer's request", {
    goal: `29 fps, p99 ${way + 50} ms`,
    nats: described(statistics),
    relay: described(relayed),
    holds: statistics.fps >= 29 && statistics.p99 <= way + 50,
  });
  results.verify();
}

/** `IDLE_SECONDS` of the origin and of the edge, in seconds. */
const ORIGIN_IDLE = 2;
const EDGE_IDLE = 1;
/** Maximum bytes per second on an origin's link, in both directions together, while nobody watches. */
const IDLE_RATE = 300;

/** Checks that a camera, and its link, rest while nobody watches. */
export async function checkIdle(results: Results, seconds: number): Promise<void> {
  const figures: Record<Way, Awaited<ReturnType<typeof measureIdle>>> = {
    nats: await measureIdle("nats", seconds),
    relay: await measureIdle("relay", seconds),
  };
  const { nats, relay } = figures;
  results.add("camera off after the last viewer has left", {
    goal: `${EDGE_IDLE + ORIGIN_IDLE + 1} s`,
    nats: `${nats.left.toFixed(1)} s`,
    relay: `${relay.left.toFixed(1)} s`,
    holds: nats.left <= EDGE_IDLE + ORIGIN_IDLE + 1,
  });
  results.add("camera off after kill -9 of the edge", {
    goal: `${LEASE / 1_000 + ORIGIN_IDLE + 1} s`,
    nats: `${nats.killed.toFixed(1)} s`,
    relay: `${relay.killed.toFixed(1)} s`,
    holds: nats.killed <= LEASE / 1_000 + ORIGIN_IDLE + 1,
  });
  results.add("origin's link while nobody watches, sent and received", {
    goal: `${IDLE_RATE} B/s together`,
    nats: `${nats.sent.toFixed(0)} and ${nats.received.toFixed(0)} B/s`,
    relay: `${relay.sent.toFixed(0)} and ${relay.received.toFixed(0)} B/s`,
    holds: nats.sent + nats.received <= IDLE_RATE,
  });
  results.verify();
}

async function measureIdle(way: Way, seconds: number) {
  await using network = await TestNetwork.create("origin", "edge1");
  const [origin, edge] = [network.host("origin"), network.host("edge1")];
  await using stack = new AsyncDisposableStack();
  if (way === "nats") stack.use(await Hub.start(network));
  const env = { IDLE_SECONDS: `${ORIGIN_IDLE}` };
  stack.use(await startOrigin(origin, way, { env }));
  const options = { origin, env: { IDLE_SECONDS: `${EDGE_IDLE}` } };
  const server = stack.use(await startEdge(edge, way, options));
  const untilOff = async () => {
    const begun = Date.now();
    await eventually(
      "the camera is off",
      async () => (await cameraOf(origin)).state === "off",
      20_000,
    );
    return (Date.now() - begun) / 1_000;
  };
  const watch = async () => {
    const reader = await FrameReader.open(edge);
    await eventually("a frame has arrived", () => reader.frames.length > 0);
    return reader;
  };
  await (await watch())[Symbol.asyncDispose]();
  const left = await untilOff();
  const before = await origin.traffic();
  await pause(seconds * 1_000);
  const after = await origin.traffic();
  await using _reader = await watch();
  signal(server, "SIGKILL");
  return {
    left,
    killed: await untilOff(),
    sent: (after.sent - before.sent) / seconds,
    received: (after.received - before.received) / seconds,
  };
}

/** Returns by which share the numbers of frames differ. */
function spread(statistics: readonly FrameStatistics[]): number {
  const frames = statistics.map(({ frames }) => frames);
  return 1 - Math.min(...frames) / Math.max(...frames);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
