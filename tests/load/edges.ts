import { systemClock } from "../../lib/clock.ts";
import { isInstalled } from "../parts.ts";
import { cameraEnv, dinocamWithoutTask } from "./contestants.ts";
import { CpuShare } from "./cpu_share.ts";
import { usageOf } from "./proc.ts";
import { followed, freePort, lastOf, listening, spawn, stop } from "./run.ts";
import type { Tools } from "./tools.ts";

/** Options of {@link benchEdges}. */
export interface EdgesBenchOptions {
  readonly tools: Tools;
  /** Duration of each measurement, in seconds. */
  readonly seconds: number;
  /** Only the large frames, and a coarser search. */
  readonly quick: boolean;
}

const PICTURE = { height: 720, fps: 30 } as const;
/** The frames that must arrive at every viewer each second, */
const MIN_FPS = 29;
/** and their maximum age, for 99 of 100 frames, in milliseconds. */
const MAX_AGE = 100;
/** Time for which a server runs with some viewers before it is measured, in seconds. */
const WARMUP = 10;
/** Time before each measurement, in seconds. */
const SETTLING = 3;
/** Number of viewers with which the search begins, and by what it grows. */
const FIRST = 60;
const GROWTH = 1.6;
/** Number of measurements with a number of viewers, of which one must hold: others may interfere. */
const ATTEMPTS = 3;
/** Part of a core that a server may use where it is limited. */
const SHARE = 0.4;

/** Servers that serve the same viewers. */
interface SetUp {
  readonly name: string;
  /** Number of edges; 0: one server with the camera, without a hub. */
  readonly edges: number;
  /** The cores of each server. */
  readonly cores: readonly string[];
  /** Part of a core that each server may use. */
  readonly share?: number;
  /** The cores of everything else: hub, origin, camera, nginx and load client. */
  readonly others: string;
  /** Whether each edge has a port of its own, behind nginx. Otherwise they share one. */
  readonly proxy?: boolean;
}

const SET_UPS: readonly SetUp[] = [
  { name: "one server, one core", edges: 0, cores: ["0"], others: "1" },
  { name: "1 edge, one core", edges: 1, cores: ["0"], others: "1" },
  {
    name: "2 edges, a core each, with all the rest on them",
    edges: 2,
    cores: ["0", "1"],
    others: "0,1",
  },
  { name: `one server, ${SHARE} of a core`, edges: 0, cores: ["0"], share: SHARE, others: "1" },
  { name: `1 edge, ${SHARE} of a core`, edges: 1, cores: ["0"], share: SHARE, others: "1" },
  {
    name: `2 edges, ${SHARE} of a core each`,
    edges: 2,
    cores: ["0", "0"],
    share: SHARE,
    others: "1",
  },
  {
    name: `2 edges behind nginx, ${SHARE} of a core each`,
    edges: 2,
    cores: ["0", "0"],
    share: SHARE,
    others: "1",
    proxy: true,
  },
];

/** The output of the client, of which these fields are used. */
interface Output {
  readonly seconds: number;
  readonly clients: number;
  readonly answered: number;
  readonly dead: number;
  readonly corrupt: number;
  readonly frames: number;
  readonly fps_min: number;
  readonly lat_p50_ms: number;
  readonly lat_p99_ms: number;
  readonly client_cpu_pct: number;
}

/** A measurement; CPU use in percent of a core. */
interface Result extends Output {
  /** Of each server that has viewers. */
  readonly servers: readonly number[];
  /** Of the hub, the origin and nginx; 0 without them. */
  readonly others: readonly number[];
}

/** A running set-up. */
interface Running {
  /** The port for viewers. */
  readonly port: number;
  readonly servers: readonly Deno.ChildProcess[];
  /** Hub, origin and nginx. */
  readonly others: readonly (Deno.ChildProcess | undefined)[];
}

/**
 * Finds how many viewers one server, one edge and two edges on one port can serve: all of them get
 * 29 frames per second, and 99 of 100 frames are at most 100 ms old.
 *
 * @returns Tables, as Markdown.
 */
export async function benchEdges(options: EdgesBenchOptions): Promise<string> {
  const { tools, quick } = options;
  const sizes = [
    { frames: tools.frames, name: "114 KB" },
    ...quick ? [] : [{ frames: tools.smallFrames, name: "25 KB" }],
  ];
  const tables: string[] = [];
  for (const { frames, name } of sizes) {
    const rows: string[][] = [];
    for (const setUp of SET_UPS) {
      const result = await measureSetUp(setUp, { ...options, frames });
      console.error(`${name}, ${setUp.name}: ${JSON.stringify(result)}`);
      rows.push([setUp.name, ...result ? cells(result) : ["not possible here"]]);
    }
    tables.push(`Frames of ${name}:\n\n${table(rows)}`);
  }
  return tables.join("\n\n");
}

const COLUMNS = [
  ...["", "viewers", "fps, slowest viewer", "age p50 / p99, ms", "servers, % of a core"],
  ...["per frame and viewer, µs", "hub, %", "origin, %", "nginx, %", "load client, %"],
];

function table(rows: readonly string[][]): string {
  const lines = [COLUMNS, COLUMNS.map((_, i) => i === 0 ? "---" : "---:"), ...rows];
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

function cells(result: Result): string[] {
  const { clients, fps_min, lat_p50_ms, lat_p99_ms, servers, frames, seconds, others } = result;
  const cpu = servers.reduce((sum, one) => sum + one, 0);
  return [
    `${clients}`,
    fps_min.toFixed(1),
    `${lat_p50_ms.toFixed(1)} / ${lat_p99_ms.toFixed(1)}`,
    servers.map((one) => one.toFixed(0)).join(" + "),
    (cpu * seconds * 10_000 / frames).toFixed(0),
    ...others.map((one) => one.toFixed(1)),
    result.client_cpu_pct.toFixed(0),
  ];
}

/** Finds the maximum number of viewers. @returns The measurement with that number. */
async function measureSetUp(
  setUp: SetUp,
  options: EdgesBenchOptions & { readonly frames: string },
): Promise<Result | undefined> {
  await using stack = new AsyncDisposableStack();
  const running = await start(setUp, options, stack);
  if (!running) return undefined;
  const measure = (viewers: number, seconds = options.seconds) =>
    watch(running, viewers, { ...options, seconds, cpus: setUp.others });
  await measure(FIRST / 2, WARMUP);
  let best: Result | undefined;
  const holds = async (viewers: number): Promise<boolean> => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = await measure(viewers);
      const { answered, dead, corrupt, fps_min, lat_p99_ms } = result;
      console.error(`  ${viewers} viewers: ${fps_min} fps, ${lat_p99_ms} ms, ${answered} answered`);
      if (answered < viewers || dead > 0 || corrupt > 0) continue;
      if (fps_min < MIN_FPS || lat_p99_ms > MAX_AGE) continue;
      best = result;
      return true;
    }
    return false;
  };
  let [good, bad] = [0, FIRST];
  while (await holds(bad)) [good, bad] = [bad, Math.round(bad * GROWTH)];
  for (let halving = 0; halving < (options.quick ? 2 : 4); halving++) {
    const middle = Math.round((good + bad) / 2);
    if (await holds(middle)) good = middle;
    else bad = middle;
  }
  return best;
}

/** Starts the servers; undefined if this machine has no nginx, or cannot limit CPU time. */
async function start(
  { edges, cores, share, others, proxy }: SetUp,
  { tools, frames }: EdgesBenchOptions & { readonly frames: string },
  stack: AsyncDisposableStack,
): Promise<Running | undefined> {
  if (proxy && !isInstalled("nginx")) return undefined;
  const { command } = await dinocamWithoutTask();
  const port = freePort();
  const run = async (
    program: readonly string[],
    { cpus, at, env }: { cpus: string; at: number; env?: Record<string, string> },
  ) => {
    const [first, ...args] = program;
    const child = spawn(cpus, first!, args, { env, stdout: "null" });
    const errors = lastOf(child.stderr);
    stack.defer(() => stop(child));
    await listening(at, child).catch((error) => {
      throw new Error(`${error.message}: ${errors()}`);
    });
    return child;
  };
  const camera = { ...cameraEnv(tools, PICTURE), FAKECAM_DIR: frames, CAMERA: "front=pi" };
  const serve = (at: number) => ["sh", "-c", command(PICTURE, at)];
  let hub: Deno.ChildProcess | undefined;
  let origin: Deno.ChildProcess | undefined;
  let env: Record<string, string> = camera;
  if (edges > 0) {
    const hubPort = freePort();
    const NATS_URL = `nats://127.0.0.1:${hubPort}`;
    const address = ["-a", "127.0.0.1", "-p", `${hubPort}`];
    hub = await run(["nats-server", ...address], { cpus: others, at: hubPort });
    const at = freePort();
    origin = await run(serve(at), {
      cpus: others,
      at,
      env: { ...camera, NATS_URL, PUBLISH: "all" },
    });
    env = { CAMERA: "front=nats", NATS_URL, REUSE_PORT: edges > 1 && !proxy ? "on" : "off" };
  }
  const servers: Deno.ChildProcess[] = [];
  const ports: number[] = [];
  for (const [i, cpus] of cores.entries()) {
    const limit = share === undefined ? undefined : CpuShare.open(`${i}`, share);
    if (share !== undefined && !limit) return undefined;
    if (limit) stack.use(limit);
    const at = proxy ? freePort() : port;
    ports.push(at);
    const program = serve(at);
    servers.push(await run(limit ? limit.wrap(program) : program, { cpus, at, env }));
    // With one port for all, the one before answers: the new one needs its time to start.
    if (cores.length > 1) await systemClock.sleep(4_000);
  }
  if (!proxy) return { port, servers, others: [hub, origin, undefined] };
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  await Deno.writeTextFile(`${folder}/nginx.conf`, nginxConfig({ folder, port, ports }));
  const program = ["nginx", "-e", "stderr", "-p", folder, "-c", `${folder}/nginx.conf`];
  return {
    port,
    servers,
    others: [hub, origin, await run(program, { cpus: others, at: port })],
  };
}

/** Returns the configuration of an nginx in one process that distributes viewers. */
function nginxConfig(
  { folder, port, ports }: { folder: string; port: number; ports: readonly number[] },
): string {
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
    `${name}_temp_path ${folder};`
  );
  return `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
    ${Deno.uid() === 0 ? "user root;" : ""} worker_rlimit_nofile 10000;
    events { worker_connections 8000; }
    http {
      access_log off; ${paths.join(" ")}
      upstream edges { ${ports.map((at) => `server 127.0.0.1:${at};`).join(" ")} }
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location / {
          proxy_pass http://edges; proxy_http_version 1.1; proxy_buffering off;
          proxy_set_header Host $http_host;
        }
      }
    }`;
}

/** Connects viewers, and measures. */
async function watch(
  { port, servers, others }: Running,
  viewers: number,
  { tools, seconds, cpus }: EdgesBenchOptions & { readonly cpus: string },
): Promise<Result> {
  const client = spawn(cpus, tools.client, [
    ...["-p", `${port}`, "-u", "/video_feed", "-c", `${viewers}`],
    ...["-t", `${seconds}`, "-w", `${SETTLING}`, "-M", "-V", "0"],
  ], { stdout: "piped" });
  const pids = [...servers, ...others].map((process) => process?.pid);
  const sample = () => pids.map((pid) => pid === undefined ? 0 : usageOf(pid).cpu);
  const { output, before, after } = await followed<Output, number[]>(client, sample);
  const used = after.map((cpu, i) => (cpu - before[i]!) / output.seconds / 10);
  return {
    ...output,
    servers: used.slice(0, servers.length),
    others: used.slice(servers.length),
  };
}
