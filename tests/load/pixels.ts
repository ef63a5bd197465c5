import { measureFfmpeg } from "./ffmpeg_child.ts";
import { benchNeighbours } from "./neighbours.ts";
import {
  cameraSource,
  engines,
  type PixelsBenchOptions,
  PixelServer,
  type Reception,
  WARMUP,
} from "./pixel_server.ts";
import { benchSharing } from "./sharing.ts";
import { benchTiles } from "./tiles.ts";
import { type Line, median, writeTable } from "./table.ts";

/** Time before a measurement of ffmpeg, in seconds. */
const FFMPEG_WARMUP = 3;

/**
 * Measures what it costs to change pictures, beside an ffmpeg that does the same: smaller pictures,
 * texts, masks and turned pictures; what nine viewers of a smaller picture share; what the pictures of
 * one camera cost the viewers of another; nine cameras at one client.
 *
 * @returns Tables, as Markdown.
 */
export async function benchPixels(options: PixelsBenchOptions): Promise<string> {
  return [
    await benchSizes(options),
    await benchEdits(options),
    await benchSharing(options),
    await benchNeighbours(options),
    await benchTiles(options),
  ].join("\n\n");
}

/** A row of a table, with the CPU time of the change alone, in milliseconds per frame. */
type Row = Pick<Line, "name" | "digits" | "plain"> & { of(result: Reception): number };

const CPU: Row = { name: "CPU per frame, ms", of: ({ cpu }) => cpu, digits: 2 };
const P50: Row = { name: "latency p50, ms", of: ({ p50 }) => p50, digits: 1 };
const P99: Row = { name: "latency p99, ms", of: ({ p99 }) => p99, digits: 1 };
const RATE: Row = { name: "fps", of: ({ fps }) => fps, digits: 1, plain: true };
const SIZE: Row = { name: "size, KB", of: ({ bytes }) => bytes / 1000, digits: 1 };

async function benchSizes(options: PixelsBenchOptions): Promise<string> {
  const { tools, cores, seconds, rounds } = options;
  const columns = [...engines().map(([name]) => name), "ffmpeg, a child process"];
  const lines: Line[] = [];
  for (const [height, smaller] of [[720, 360], [1080, 540]] as const) {
    const name = `${height}p30 to ${smaller}p`;
    const results = columns.map(() => [] as Reception[]);
    for (let round = 0; round < rounds; round++) {
      for (const [i, [, usesLibrary]] of engines().entries()) {
        results[i]!.push(await measureSize({ ...options, height, smaller, usesLibrary }));
      }
      const work = { tools, core: cores?.server, height, warmup: FFMPEG_WARMUP, seconds };
      results.at(-1)!.push(await measureFfmpeg({ ...work, decoder: ["-lowres", "1"] }));
      console.error(`${name}: ${summary(columns, results)}`);
    }
    lines.push(...linesOf(name, results, [CPU, P50, P99, RATE, SIZE]));
  }
  return writeTable(columns, lines);
}

interface SizeOptions extends PixelsBenchOptions {
  readonly height: number;
  readonly smaller: number;
  readonly usesLibrary: boolean;
}

/** Measures one viewer of a smaller picture; CPU time beyond that of the camera without viewers. */
async function measureSize({ height, smaller, ...options }: SizeOptions): Promise<Reception> {
  const { tools, cores, seconds, usesLibrary } = options;
  await using server = await PixelServer.start({
    ...{ tools, core: cores?.server, clientCore: cores?.client, usesLibrary },
    env: { CAMERA: "front=exec", SOURCE: cameraSource(tools, height), IDLE_SECONDS: "never" },
  });
  const load = { viewers: 1, warmup: WARMUP, seconds };
  const reception = await server.watch(`/video_feed?height=${smaller}`, load);
  await server.hasNoRenditions();
  await server.hasNoWorkers();
  return { ...reception, cpu: reception.cpu - await server.idle(seconds) };
}

/** What is changed in all pictures of a camera, and the filter of ffmpeg that does it. */
const EDITS: readonly {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly filter: string;
}[] = [
  {
    name: "text at the top",
    env: { OVERLAY: "%name %date %time" },
    filter: "drawtext=text='front %{localtime}':x=8:y=8:fontsize=20:fontcolor=white:box=1:" +
      "boxcolor=black",
  },
  {
    name: "mask of 25 % x 70 %",
    env: { PRIVACY_MASK: "12,0,37,70" },
    filter: "drawbox=x=iw*0.12:y=0:w=iw*0.25:h=ih*0.7:color=gray:t=fill",
  },
  { name: "turned by 90°", env: { ROTATE: "90" }, filter: "transpose=clock" },
];

async function benchEdits(options: PixelsBenchOptions): Promise<string> {
  const { tools, cores, seconds, rounds } = options;
  const columns = ["dinocam", "ffmpeg, a child process"];
  const lines: Line[] = [];
  const plain: Reception[] = [];
  for (let round = 0; round < rounds; round++) plain.push(await measureEdit({}, options));
  const unchanged = median(plain.map(({ cpu }) => cpu))!;
  lines.push(...linesOf("as it is", [plain, []], [CPU, P50, P99]));
  for (const { name, env, filter } of EDITS) {
    const results = columns.map(() => [] as Reception[]);
    for (let round = 0; round < rounds; round++) {
      const ours = await measureEdit(env, options);
      results[0]!.push({ ...ours, cpu: ours.cpu - unchanged });
      const work = { tools, core: cores?.server, height: 720, warmup: FFMPEG_WARMUP, seconds };
      results[1]!.push(await measureFfmpeg({ ...work, filter }));
      console.error(`${name}: ${summary(columns, results)}`);
    }
    lines.push(...linesOf(name, results, [{ ...CPU, name: "more CPU per frame, ms" }, P50, P99]));
  }
  return `720p30, one viewer:\n\n${writeTable(columns, lines)}`;
}

async function measureEdit(
  env: Readonly<Record<string, string>>,
  { tools, cores, seconds }: PixelsBenchOptions,
): Promise<Reception> {
  await using server = await PixelServer.start({
    ...{ tools, core: cores?.server, clientCore: cores?.client },
    env: { CAMERA: "front=exec", SOURCE: cameraSource(tools, 720), ...env },
  });
  return await server.watch("/video_feed", { viewers: 1, warmup: WARMUP, seconds });
}

function linesOf(
  name: string,
  results: readonly (readonly Reception[])[],
  rows: readonly Row[],
): Line[] {
  return rows.map((row) => ({
    ...row,
    name: `${name}: ${row.name}`,
    figures: results.map((all) => median(all.map(row.of))),
  }));
}

function summary(columns: readonly string[], results: readonly (readonly Reception[])[]): string {
  return columns.map((name, i) => {
    const { cpu, p50, p99 } = results[i]!.at(-1)!;
    return `${name} ${cpu.toFixed(2)} ms, ${p50.toFixed(1)}/${p99.toFixed(1)} ms`;
  }).join("; ");
}
