import { systemClock } from "../../lib/clock.ts";
import { cameraEnv, type Contestant, type Picture } from "./contestants.ts";
import { descendantsOf, sendQueueOf, usageOf } from "./proc.ts";
import type { Tools } from "./tools.ts";

/** The viewers of a measurement, and its duration. */
export interface Load extends Picture {
  /** Total number of viewers. */
  readonly viewers: number;
  /** Number of cameras, among which the viewers are spread evenly. @default {1} */
  readonly cameras?: number;
  /** Number of viewers that read at `rate`. */
  readonly slow?: number;
  /** In kilobytes per second. */
  readonly rate?: number;
  /** Number of viewers that read nothing after the response header. */
  readonly stalled?: number;
  /** Time after which stalled viewers read again, in seconds. */
  readonly resume?: number;
  /** Duration of the measurement, in seconds. */
  readonly seconds: number;
  /** Time before the measurement, in seconds. @default {the contestant's} */
  readonly warmup?: number;
  /**
   * Has the kernel discard all but the first bytes of a frame, so that one client can serve many
   * viewers.
   */
  readonly headsOnly?: boolean;
}

/** The output of the client (field names of mjpegload), and the resources used by the server. */
export interface Result {
  /** Duration of the measurement, in seconds. */
  readonly seconds: number;
  readonly fps_min: number;
  readonly fps_med: number;
  readonly frames: number;
  readonly skipped: number;
  readonly dead: number;
  readonly answered: number;
  readonly corrupt: number;
  readonly dup: number;
  readonly out_of_order: number;
  readonly lat_p50_ms: number;
  readonly lat_p99_ms: number;
  readonly slow_lat_p50_ms: number;
  readonly slow_lat_max_ms: number;
  readonly resumed_stale_frames: number;
  /** CPU use, in percent of a core. */
  readonly cpu: number;
  /** CPU time per frame and viewer, in milliseconds. */
  readonly perFrame: number;
  /** Resident memory halfway through the measurement, in bytes. */
  readonly memory: number;
  /** The part of it that is not backed by files, in bytes. */
  readonly anonymous: number;
  /** Size of the kernel's send queues halfway through the measurement, in bytes. */
  readonly queued: number;
}

/** Cores of the server and of the client; undefined with a single core, or without taskset. */
export type Cores = { readonly server: number; readonly client: number } | undefined;

/** Starts a server, connects viewers, and measures. */
export async function measure(
  contestant: Contestant,
  load: Load,
  { tools, cores }: { tools: Tools; cores: Cores },
): Promise<Result> {
  const port = freePort();
  const { env } = contestant;
  const server = spawn(cores?.server, "sh", ["-c", contestant.command(load, port)], {
    env: { ...cameraEnv(tools, load, load.cameras), ...env },
    stdout: "null",
  });
  const lastErrors = lastOf(server.stderr);
  try {
    await listening(port, server);
    await systemClock.sleep(1_000); // some servers send a placeholder until the camera starts
    return load.viewers === 0
      ? await idle(server.pid, { warmup: contestant.warmup(0), ...load })
      : await watch(contestant, load, { tools, cores, port, pid: server.pid });
  } catch (error) {
    throw new Error(`${contestant.name}: ${(error as Error).message}\n${lastErrors()}`);
  } finally {
    await stop(server);
  }
}

/** The environment of a running server. */
interface Target {
  tools: Tools;
  cores: Cores;
  port: number;
  pid: number;
}

async function watch(contestant: Contestant, load: Load, target: Target): Promise<Result> {
  const { port, pid, tools, cores } = target;
  const {
    viewers,
    cameras = 1,
    slow = 0,
    rate = 0,
    stalled = 0,
    resume = 0,
    seconds,
    warmup = contestant.warmup(viewers),
  } = load;
  const path = cameras > 1 ? contestant.cameraPath! : contestant.path;
  const client = spawn(cores?.client, tools.client, [
    ...["-p", `${port}`, "-u", path, "-N", `${cameras}`, "-c", `${viewers}`],
    ...["-t", `${seconds}`, "-w", `${warmup}`],
    ...["-S", `${stalled}`, "-R", `${resume}`, "-L", `${slow}`, "-K", `${rate}`],
    ...(load.headsOnly ? ["-M", "-V", "0"] : []),
  ], { stdout: "piped" });
  const halfway = { memory: 0, anonymous: 0, queued: 0 };
  const timer = setTimeout(() => {
    const { memory, anonymous } = usageOf(pid);
    Object.assign(halfway, { memory, anonymous, queued: sendQueueOf(port) });
  }, (warmup + seconds / 2) * 1000);
  const { output, cpu } = await follow<Omit<Result, "cpu">>(client, pid);
  clearTimeout(timer);
  return {
    ...output,
    cpu: cpu / output.seconds / 10,
    perFrame: cpu / output.frames,
    ...halfway,
  };
}

/**
 * Waits until a load client ends.
 *
 * @param client Its standard output and error are piped.
 * @param pid Process id of the server.
 * @returns What the client prints, and the CPU time of the server during the measurement, in
 *   milliseconds.
 * @throws {Error} If the client fails.
 */
export async function follow<Output>(
  client: Deno.ChildProcess,
  pid: number,
): Promise<{ output: Output; cpu: number }> {
  const sample = () => usageOf(pid).cpu;
  const { output, before, after } = await followed<Output, number>(client, sample);
  return { output, cpu: after - before };
}

/**
 * Like {@link follow}, with any samples.
 *
 * @returns What the client prints, and what `sample` returns at the start and at the end of the
 * measurement.
 */
export async function followed<Output, Sample>(
  client: Deno.ChildProcess,
  sample: () => Sample,
): Promise<{ output: Output; before: Sample; after: Sample }> {
  const samples = new Map<string, Sample>();
  const printed = new Response(client.stdout).text();
  for await (const text of client.stderr.pipeThrough(new TextDecoderStream())) {
    for (const mark of text.match(/START|END/g) ?? []) samples.set(mark, sample());
  }
  await client.status;
  const text = await printed;
  if (samples.size < 2 || !text) throw new Error("The load client has failed");
  return { output: JSON.parse(text), before: samples.get("START")!, after: samples.get("END")! };
}

async function idle(
  pid: number,
  { seconds, warmup }: { seconds: number; warmup: number },
): Promise<Result> {
  await systemClock.sleep(warmup * 1000);
  const before = usageOf(pid);
  await systemClock.sleep(seconds * 1000);
  const after = usageOf(pid);
  return { ...after, cpu: (after.cpu - before.cpu) / seconds / 10 } as Result;
}

/** Starts a program on a core, or several: `0,1`. Its standard error is piped. */
export function spawn(
  core: number | string | undefined,
  program: string,
  args: string[],
  options: Deno.CommandOptions,
): Deno.ChildProcess {
  const pinned = core === undefined ? [] : ["taskset", "-c", `${core}`];
  const [first, ...rest] = [...pinned, program, ...args];
  return new Deno.Command(first!, { ...options, args: rest, stdin: "null", stderr: "piped" })
    .spawn();
}

/** Returns a port that is free now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until a server accepts connections. */
export async function listening(port: number, server: Deno.ChildProcess): Promise<void> {
  let ended = false;
  server.status.then(() => ended = true);
  for (let tries = 0; tries < 200 && !ended; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await systemClock.sleep(50);
    }
  }
  throw new Error(ended ? "the server exited" : "the server does not listen");
}

/** Ends a program with its descendants. */
export async function stop(server: Deno.ChildProcess): Promise<void> {
  const family = [server.pid, ...descendantsOf(server.pid)];
  kill([server.pid], "SIGTERM");
  const timer = setTimeout(() => kill(family, "SIGKILL"), 3_000);
  await server.status;
  clearTimeout(timer);
}

function kill(pids: number[], signal: Deno.Signal): void {
  for (const pid of pids) {
    try {
      Deno.kill(pid, signal);
    } catch {
      // it has exited
    }
  }
}

/** Reads a program's standard error and keeps the last 2000 characters. */
export function lastOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): () => string {
  let text = "";
  (async () => {
    for await (const more of stream.pipeThrough(new TextDecoderStream())) {
      text = (text + more).slice(-2_000);
    }
  })();
  return () => text;
}
