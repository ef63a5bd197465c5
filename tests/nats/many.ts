/** Many edges with several cameras, for long. */
import { type Footprint, footprintOf, percentile, rounded } from "../faults/figures.ts";
import { inParallel, pause } from "../faults/viewer.ts";
import { eventually, type Server } from "../server.ts";
import { FrameReader } from "./frame_reader.ts";
import { TestNetwork } from "./network.ts";
import type { Results } from "./results.ts";
import { Hub, startEdge, startOrigin, type Way } from "./systems.ts";

const EDGES = Array.from({ length: 16 }, (_, i) => `edge${i + 1}`);
const CAMERAS = ["front", "yard", "garage", "hall"];
const FPS = 5;
/** Minimum frames per second of each viewer; and maximum age of its frames, in milliseconds. */
const MIN_FPS = 4.8;
const MAX_P99 = 100;
/** Maximum growth of a process in the last third of the time, in megabytes. */
const MAX_GROWTH = 30;
/** Maximum resident memory of the hub, in megabytes. */
const MAX_HUB_MEMORY = 40;
/** Maximum number of descriptors that a process may have more at the end. */
const MAX_DESCRIPTORS = 4;
/** How long relays run, in minutes. */
const RELAY_MINUTES = 1;

/** The processes at one time. */
interface Sample {
  readonly hub?: Footprint;
  readonly origin: Footprint;
  readonly edges: readonly Footprint[];
}

/** Checks that 16 edges with 4 cameras each do not grow. */
export async function checkMany(results: Results, minutes: number): Promise<void> {
  const nats = await run("nats", minutes);
  const relay = await run("relay", Math.min(RELAY_MINUTES, minutes));
  const name = `${EDGES.length} edges, ${CAMERAS.length} cameras, ${FPS} fps`;
  results.add(`${name}: the slowest of the viewers`, {
    goal: `${MIN_FPS} fps`,
    nats: `${nats.fps.toFixed(2)} fps`,
    relay: `${relay.fps.toFixed(2)} fps`,
    holds: nats.fps >= MIN_FPS,
  });
  results.add(`${name}: age, p50 and p99`, {
    goal: `p99 ${MAX_P99} ms`,
    nats: `${nats.p50.toFixed(0)} and ${nats.p99.toFixed(0)} ms`,
    relay: `${relay.p50.toFixed(0)} and ${relay.p99.toFixed(0)} ms`,
    holds: nats.p99 <= MAX_P99,
  });
  const third = Math.ceil(nats.samples.length / 3);
  const [middle, end] = [nats.samples.slice(third, 2 * third), nats.samples.slice(2 * third)];
  const last = end.at(-1)!;
  const relayLast = relay.samples.at(-1)!;
  results.add(`${name}: memory of the hub`, {
    goal: `${MAX_HUB_MEMORY} MB`,
    nats: `${last.hub!.memory.toFixed(0)} MB`,
    holds: last.hub!.memory <= MAX_HUB_MEMORY,
  });
  for (
    const [process, of] of [
      ["hub", ({ hub }: Sample) => [hub!]],
      ["origin", ({ origin }: Sample) => [origin]],
      ["edge", ({ edges }: Sample) => edges],
    ] as const
  ) {
    const memory = (sample: Sample) => average(of(sample).map(({ memory }) => memory));
    // The most, as memory is freed from time to time.
    const most = (samples: readonly Sample[]) => Math.max(...samples.map(memory));
    const growth = most(end) - most(middle);
    results.add(`${name}: growth of the ${process} in the last third of ${minutes} minutes`, {
      goal: `${MAX_GROWTH} MB`,
      nats: `${growth.toFixed(1)} MB, to ${most(end).toFixed(0)} MB`,
      ...process !== "hub" && { relay: `to ${memory(relayLast).toFixed(0)} MB` },
      holds: growth <= MAX_GROWTH,
    });
    const opened = Math.max(
      ...of(last).map(({ descriptors }, i) => descriptors - of(middle[0]!)[i]!.descriptors),
    );
    results.add(`${name}: more descriptors of the ${process}`, {
      goal: `${MAX_DESCRIPTORS}`,
      nats: opened,
      holds: opened <= MAX_DESCRIPTORS,
    });
  }
  results.verify();
}

async function run(way: Way, minutes: number) {
  await using network = await TestNetwork.create("origin", ...EDGES);
  const originHost = network.host("origin");
  await using stack = new AsyncDisposableStack();
  const hub = way === "nats" ? stack.use(await Hub.start(network)) : undefined;
  const options = { cameras: CAMERAS, fps: FPS };
  const origin = stack.use(await startOrigin(originHost, way, options));
  const edges: Server[] = [];
  await inParallel(EDGES.length, 4, async (i) => {
    const edge = { cameras: CAMERAS, origin: originHost };
    edges[i] = stack.use(await startEdge(network.host(EDGES[i]!), way, edge));
  });
  const readers: FrameReader[] = [];
  for (const name of EDGES) {
    for (const camera of CAMERAS) {
      const path = `/cameras/${camera}/video_feed`;
      readers.push(stack.use(await FrameReader.open(network.host(name), { path })));
    }
  }
  const arrive = () => readers.every(({ frames }) => frames.length > 0);
  await eventually("frames arrive everywhere", arrive, 30_000);
  await pause(5_000);

  const sample = async (): Promise<Sample> => ({
    ...hub && { hub: await footprintOf(hub.pid) },
    origin: await footprintOf(origin.pid),
    edges: await Promise.all(edges.map(({ pid }) => footprintOf(pid))),
  });
  const samples: Sample[] = [];
  const from = Date.now();
  const count = Math.max(9, Math.round(minutes));
  for (let i = 0; i <= count; i++) {
    await pause(Math.max(0, from + i * minutes * 60_000 / count - Date.now()));
    samples.push(await sample());
    console.log(`${way}, ${rounded(i * minutes / count)} min: ${describe(samples.at(-1)!)}`);
  }
  const to = Date.now();
  const ages = readers.flatMap((reader) => reader.between(from, to).map(({ age }) => age));
  return {
    samples,
    fps: Math.min(...readers.map((reader) => reader.statistics(from, to).fps)),
    p50: percentile(ages, 0.5),
    p99: percentile(ages, 0.99),
  };
}

function describe({ hub, origin, edges }: Sample): string {
  const memory = edges.map(({ memory }) => memory);
  const descriptors = edges.map(({ descriptors }) => descriptors);
  return [
    ...hub ? [`hub ${hub.memory.toFixed(1)} MB, ${hub.descriptors} descriptors`] : [],
    `origin ${origin.memory.toFixed(0)} MB, ${origin.descriptors}`,
    `edges ${average(memory).toFixed(0)} MB (up to ${Math.max(...memory).toFixed(0)}), ` +
    `${Math.max(...descriptors)}`,
  ].join("; ");
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
