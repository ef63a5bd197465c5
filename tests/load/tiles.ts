import {
  cameraSource,
  engines,
  type PixelsBenchOptions,
  PixelServer,
  WARMUP,
} from "./pixel_server.ts";
import { type Line, median, writeTable } from "./table.ts";

/** Number of cameras that a client watches at once. */
const TILES = 9;

/** What a client of all cameras receives. */
interface Tiles {
  readonly megabits: number;
  /** Frames per second of the slowest camera. */
  readonly fps: number;
  /** CPU use of the server, in percent of a core. */
  readonly cpu: number;
}

/**
 * Measures what a client receives that watches nine cameras in their own size and in half of it.
 * Server and client share the cores.
 *
 * @returns A table, as Markdown.
 */
export async function benchTiles(options: PixelsBenchOptions): Promise<string> {
  const columns = [
    { name: "720p", query: "", usesLibrary: true },
    ...engines().map(([name, usesLibrary]) => ({
      name: `360p, ${name}`,
      query: "?height=360",
      usesLibrary,
    })),
  ];
  const results = columns.map(() => [] as Tiles[]);
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, { name, query, usesLibrary }] of columns.entries()) {
      const result = await measureTiles(options, query, usesLibrary);
      console.error(`tiles, ${name}: ${JSON.stringify(result)}`);
      results[i]!.push(result);
    }
  }
  const row = (name: string, of: (result: Tiles) => number, more: Partial<Line> = {}): Line => ({
    ...{ name, digits: 0, figures: results.map((all) => median(all.map(of))) },
    ...more,
  });
  const rows = [
    row("Mbit/s", ({ megabits }) => megabits),
    row("fps, slowest camera", ({ fps }) => fps, { digits: 1, plain: true }),
    row("CPU, % of a core", ({ cpu }) => cpu),
  ];
  return `${TILES} cameras of 720p30 at one client:\n\n${
    writeTable(columns.map(({ name }) => name), rows)
  }`;
}

async function measureTiles(
  { tools, cores, seconds }: PixelsBenchOptions,
  query: string,
  usesLibrary: boolean,
): Promise<Tiles> {
  const core = cores && `${cores.server},${cores.client}`;
  const names = Array.from({ length: TILES }, (_, i) => `camera${i + 1}`);
  await using server = await PixelServer.start({
    ...{ tools, core, clientCore: core, usesLibrary },
    env: {
      CAMERA: names.map((name) => `${name}=exec`).join(),
      SOURCE: cameraSource(tools, 720, { isAligned: false }),
    },
  });
  const load = { viewers: 1, warmup: WARMUP, seconds, isAligned: false };
  const streams = await Promise.all(
    names.map((name) => server.watch(`/cameras/${name}/video_feed${query}`, load)),
  );
  const megabits = streams.map(({ bytes, fps }) => bytes * fps * 8 / 1e6);
  return {
    megabits: megabits.reduce((sum, one) => sum + one),
    fps: Math.min(...streams.map(({ fps }) => fps)),
    cpu: median(streams.map(({ cpu }) => cpu))! * streams[0]!.frames / streams[0]!.seconds / 10,
  };
}
