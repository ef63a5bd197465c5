import { assertAlmostEquals, assertLess } from "@std/assert";
import { FakeHub } from "../../fake_bus.ts";
import { setUpCamera, setUpPublisher } from "./origin.ts";
import { TestEdge } from "./watching.ts";

// The rows of the protocol's table of links, with the real origin and the real edges.

/** One-way delay in milliseconds, and bandwidth in bytes per second. */
interface LinkOptions {
  delay?: number;
  rate?: number;
}

interface Row {
  readonly name: string;
  readonly origin?: LinkOptions;
  readonly cameras?: number;
  /** Each edge watches all cameras. */
  readonly edges: readonly (LinkOptions & { fps: number; p99: number })[];
  /** Whether all edges have the same number of frames. */
  readonly equal?: boolean;
  /** Maximum number of frames on the uplink for each one that an edge has. */
  readonly copies?: number;
}

const THIN = 500_000;

const ROWS: readonly Row[] = [
  {
    name: "an uplink of 500 KB/s and three edges",
    origin: { rate: THIN },
    edges: [0, 1, 2].map(() => ({ fps: 3.8, p99: 400 })),
    equal: true,
    copies: 1.1,
  },
  {
    name: "an uplink of 500 KB/s and three edges with different ways",
    origin: { rate: THIN, delay: 10 },
    edges: [1, 20, 60].map((delay) => ({ delay, fps: 3.8, p99: 400 })),
    copies: 1.1,
  },
  {
    name: "an edge at 500 KB/s beside good ones",
    edges: [{ rate: THIN, fps: 3.8, p99: 300 }, { fps: 29, p99: 30 }, { fps: 29, p99: 30 }],
  },
  {
    name: "round-trip times of 100 ms at both ends",
    origin: { delay: 50 },
    edges: [{ delay: 50, fps: 29, p99: 150 }],
  },
  {
    name: "round-trip times of 100 ms at both ends, beside a near edge",
    origin: { delay: 50 },
    edges: [{ delay: 50, fps: 28, p99: 150 }, { fps: 28, p99: 100 }],
  },
  {
    name: "near edges beside one that is 200 ms away",
    edges: [{ fps: 29, p99: 30 }, { fps: 29, p99: 30 }, { delay: 100, fps: 28, p99: 150 }],
  },
  {
    name: "four cameras on an uplink of 500 KB/s",
    origin: { rate: THIN },
    cameras: 4,
    edges: [{ fps: 0.95, p99: 400 }, { fps: 0.95, p99: 400 }],
    copies: 1.1,
  },
  {
    name: "sixteen edges",
    edges: Array.from({ length: 16 }, (_, i) => ({ delay: i, fps: 29, p99: 50 })),
  },
];

for (const row of ROWS) {
  Deno.test(`an origin and edges keep the figures of: ${row.name}`, async () => {
    const hub = new FakeHub();
    const bus = hub.connect(row.origin);
    const { clock } = bus;
    const names = Array.from({ length: row.cameras ?? 1 }, (_, i) => `camera${i}`);
    const cameras = names.map((name) => setUpCamera({ name, clock }).camera);
    const { publisher } = setUpPublisher({ bus, clock, cameras });
    await hub.advance(200); // the origin is there
    const readers = row.edges.flatMap(({ fps, p99, ...link }) => {
      const edge = new TestEdge(hub, hub.connect(link));
      return names.map((name) => {
        return { limits: { fps, p99 }, edge, viewing: edge.watch({ source: name, camera: name }) };
      });
    });
    const sent = () => names.map((name) => publisher.publication(name)!.frames);
    await hub.advance(5_000);
    const [start, before] = [hub.clock.monotonic(), sent()];
    await hub.advance(20_000);
    const after = sent();
    const figures = readers.map(({ viewing, limits }) => {
      const recent = viewing.frames.filter(({ at }) => at >= start);
      const ages = recent.map(({ age }) => age).sort((a, b) => a - b);
      return { fps: ages.length / 20, p99: ages[Math.floor(0.99 * ages.length)] ?? NaN, limits };
    });
    for (const [i, { fps, p99, limits }] of figures.entries()) {
      const at = `reader ${i}: ${fps} fps, ${p99} ms`;
      assertLess(limits.fps, fps, at);
      assertLess(p99, limits.p99, at);
      if (row.equal) assertAlmostEquals(fps, figures[0]!.fps, 0.05 * fps, at);
      const camera = i % names.length;
      if (row.copies) assertLess((after[camera]! - before[camera]!) / 20, row.copies * fps, at);
    }
    for (const { viewing, edge } of readers) {
      viewing[Symbol.dispose]();
      edge[Symbol.dispose]();
    }
    publisher[Symbol.dispose]();
    await Promise.all([hub.advance(12_000), ...cameras.map((camera) => camera.close())]);
  });
}
