import {
  cameraSource,
  engines,
  type PixelsBenchOptions,
  PixelServer,
  WARMUP,
} from "./pixel_server.ts";
import { followed, spawn } from "./run.ts";
import type { Tools } from "./tools.ts";
import { type Line, median, writeTable } from "./table.ts";

/** Viewers of the camera that is measured. */
const VIEWERS = 10;
/**
 * Frame rate of the other camera: nearly that of the first one, so that their frames meet at all
 * distances.
 */
const OTHER_RATE = 29;

/** Number of measurements with one server: what else runs on the machine disturbs some of them. */
const WINDOWS = 4;
/** Time between them, in seconds. */
const PAUSE = 1;

/** What the other camera's viewer sees. */
interface Case {
  readonly name: string;
  /** The path of a stream; undefined: nobody watches. */
  readonly path?: string;
  readonly usesLibrary?: boolean;
  /** Settings of the other camera. */
  readonly env?: Readonly<Record<string, string>>;
}

const FULL = "/cameras/other/video_feed";

function cases(): Case[] {
  return [
    { name: "nobody" },
    { name: "one viewer, as it is", path: FULL },
    { name: "masked", path: FULL, env: { OTHER_PRIVACY_MASK: "12,0,37,70" } },
    { name: "text", path: FULL, env: { OTHER_OVERLAY: "%name %date %time" } },
    { name: "turned by 90°", path: FULL, env: { OTHER_ROTATE: "90" } },
    ...engines().map(([name, usesLibrary]) => ({
      name: `360p, ${name}`,
      path: `${FULL}?height=360`,
      usesLibrary,
    })),
  ];
}

/** The output of the live client, of which these fields are used. */
interface Output {
  readonly frames: number;
  readonly seconds: number;
  readonly skipped: number;
  readonly answered: number;
  readonly dead: number;
  readonly corrupt: number;
  readonly lat_p50_ms: number;
  readonly lat_p99_ms: number;
}

/**
 * Measures how late ten viewers of a camera get their frames while the pictures of another camera are
 * changed. Server and clients share the cores.
 *
 * @returns A table, as Markdown.
 */
export async function benchNeighbours(options: PixelsBenchOptions): Promise<string> {
  const all = cases();
  const results = all.map(() => [] as Output[]);
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, one] of all.entries()) {
      const windows = await measure(one, options);
      const latencies = windows.map(({ lat_p50_ms, lat_p99_ms }) => `${lat_p50_ms}/${lat_p99_ms}`);
      console.error(`other camera ${one.name}: ${latencies.join(" ")} ms`);
      results[i]!.push(...windows);
    }
  }
  const row = (name: string, digits: number, of: (result: Output) => number): Line => ({
    ...{ name, digits, plain: true },
    figures: results.map((its) => median(its.map(of))),
  });
  const rows = [
    row("fps per viewer", 1, ({ frames, seconds }) => frames / seconds / VIEWERS),
    row("latency p50, ms", 1, ({ lat_p50_ms }) => lat_p50_ms),
    row("latency p99, ms", 1, ({ lat_p99_ms }) => lat_p99_ms),
  ];
  const table = writeTable(all.map(({ name }) => name), rows);
  return `${VIEWERS} live viewers of a camera of 720p30, while another camera is watched:\n\n${table}`;
}

async function measure(
  { name, path, usesLibrary, env }: Case,
  { tools, cores, seconds }: PixelsBenchOptions,
): Promise<Output[]> {
  const core = cores && `${cores.server},${cores.client}`;
  await using server = await PixelServer.start({
    ...{ tools, core, clientCore: core, usesLibrary },
    env: {
      CAMERA: "front=exec,other=exec",
      SOURCE: cameraSource(tools, 720),
      OTHER_SOURCE: cameraSource(tools, 720, { rate: OTHER_RATE }),
      ...env,
    },
  });
  const load = { viewers: 1, warmup: 1, seconds: WARMUP + WINDOWS * (seconds + PAUSE) };
  const [windows, other] = await Promise.all([
    watchFirst(server, { tools, core, seconds }),
    path === undefined ? undefined : server.watch(path, { ...load, rate: OTHER_RATE }),
  ]);
  if (other && other.fps < OTHER_RATE * 0.9) console.error(`${name}: only ${other.fps} fps`);
  return windows;
}

/** Watches the camera whose frames are not changed, several times. */
async function watchFirst(
  { port }: PixelServer,
  { tools, core, seconds }: { tools: Tools; core: string | undefined; seconds: number },
): Promise<Output[]> {
  const windows: Output[] = [];
  for (let i = 0; i < WINDOWS; i++) {
    const client = spawn(core, tools.liveClient, [
      ...["-p", `${port}`, "-n", "front", "-c", `${VIEWERS}`, "-W"],
      ...["-w", `${i === 0 ? WARMUP : PAUSE}`, "-t", `${seconds}`],
    ], { stdout: "piped" });
    const { output } = await followed<Output, void>(client, () => {});
    const { answered, dead, corrupt } = output;
    if (answered < VIEWERS || dead > 0 || corrupt > 0) throw new Error(JSON.stringify(output));
    windows.push(output);
  }
  return windows;
}
