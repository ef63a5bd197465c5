import { systemClock } from "../../lib/clock.ts";
import { cameraEnv, type Contestant, type Picture } from "./contestants.ts";
import { descendantsOf, sendQueueOf, type Usage, usageOf } from "./proc.ts";
import type { Tools } from "./tools.ts";

/** Who watches, and for how long. */
export interface Load extends Picture {
  /** All of them; 0: nobody. */
  readonly viewers: number;
  /** Of them, so many read at `rate` kilobytes a second … */
  readonly slow?: number;
  readonly rate?: number;
  /** … and so many read nothing behind the response's header. */
  readonly stalled?: number;
  /** Those read after so many seconds. */
  readonly resume?: number;
  /** How long is measured, and how long is waited before it, in seconds. */
  readonly seconds: number;
  readonly warmup?: number;
  /** The client lets the kernel drop what is behind the first bytes of a frame: for very many viewers. */
  readonly headsOnly?: boolean;
}

/** What the client saw, by the names that mjpegload gives it, and what the server used. */
export interface Result {
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
  /** Of a core, in percent. */
  readonly cpu: number;
  /** CPU time for each frame that came to one viewer, in milliseconds. */
  readonly perFrame: number;
  /** Resident, halfway, in bytes. */
  readonly memory: number;
  /** What the kernel held for the viewers halfway, in bytes. */
  readonly queued: number;
}

/** Which core the server runs on, and which the client; undefined where there is only one, or no taskset. */
export type Cores = { readonly server: number; readonly client: number } | undefined;

/** Starts a server, lets viewers watch it, and tells how it went. */
export async function measure(
  contestant: Contestant,
  load: Load,
  { tools, cores }: { tools: Tools; cores: Cores },
): Promise<Result> {
  const port = freePort();
  const { env } = contestant;
  const server = spawn(cores?.server, "sh", ["-c", contestant.command(load, port)], {
    env: { ...cameraEnv(tools, load), ...env },
    stdout: "null",
  });
  const said = lastOf(server.stderr);
  try {
    await listening(port, server);
    await systemClock.sleep(1_000); // some show a picture of their own until they have the camera
    return load.viewers === 0
      ? await idle(server.pid, load)
      : await watch(contestant, load, { tools, cores, port, pid: server.pid });
  } catch (error) {
    throw new Error(`${contestant.name}: ${(error as Error).message}\n${said()}`);
  } finally {
    await stop(server);
  }
}

interface Place {
  tools: Tools;
  cores: Cores;
  port: number;
  pid: number;
}

async function watch(contestant: Contestant, load: Load, place: Place): Promise<Result> {
  const { port, pid, tools, cores } = place;
  const { viewers, slow = 0, rate = 0, stalled = 0, resume = 0, seconds, warmup = 1.5 } = load;
  const client = spawn(cores?.client, tools.client, [
    ...["-p", `${port}`, "-u", contestant.path, "-c", `${viewers}`],
    ...["-t", `${seconds}`, "-w", `${warmup}`],
    ...["-S", `${stalled}`, "-R", `${resume}`, "-L", `${slow}`, "-K", `${rate}`],
    ...(load.headsOnly ? ["-M", "-V", "0"] : []),
  ], { stdout: "piped" });
  const marks: Record<string, Usage> = {};
  const halfway = { memory: 0, queued: 0 };
  const timer = setTimeout(() => {
    halfway.memory = usageOf(pid).memory;
    halfway.queued = sendQueueOf(port);
  }, (warmup + seconds / 2) * 1000);
  const printed = new Response(client.stdout).text();
  for await (const text of client.stderr.pipeThrough(new TextDecoderStream())) {
    for (const mark of text.match(/START|END/g) ?? []) marks[mark] = usageOf(pid);
  }
  clearTimeout(timer);
  await client.status;
  const { START, END } = marks;
  if (!START || !END) throw new Error("The load client did not finish");
  const seen = JSON.parse(await printed);
  const cpu = END.cpu - START.cpu;
  return {
    ...seen,
    cpu: cpu / seen.seconds / 10,
    perFrame: cpu / seen.frames,
    ...halfway,
  };
}

async function idle(pid: number, { seconds, warmup = 1.5 }: Load): Promise<Result> {
  await systemClock.sleep(warmup * 1000);
  const before = usageOf(pid);
  await systemClock.sleep(seconds * 1000);
  const after = usageOf(pid);
  return { cpu: (after.cpu - before.cpu) / seconds / 10, memory: after.memory } as Result;
}

/** Starts a program on a core. Its standard error is piped. */
function spawn(
  core: number | undefined,
  program: string,
  args: string[],
  options: Deno.CommandOptions,
): Deno.ChildProcess {
  const pinned = core === undefined ? [] : ["taskset", "-c", `${core}`];
  const [first, ...rest] = [...pinned, program, ...args];
  return new Deno.Command(first!, { ...options, args: rest, stdin: "null", stderr: "piped" })
    .spawn();
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function listening(port: number, server: Deno.ChildProcess): Promise<void> {
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
  throw new Error(ended ? "it ended" : "it does not listen");
}

async function stop(server: Deno.ChildProcess): Promise<void> {
  const family = [server.pid, ...descendantsOf(server.pid)];
  kill([server.pid], "SIGTERM");
  const late = setTimeout(() => kill(family, "SIGKILL"), 3_000);
  await server.status;
  clearTimeout(late);
}

function kill(pids: number[], signal: Deno.Signal): void {
  for (const pid of pids) {
    try {
      Deno.kill(pid, signal);
    } catch {
      // it has ended
    }
  }
}

/** Reads a program's complaints and keeps the end of them. */
function lastOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): () => string {
  let text = "";
  (async () => {
    for await (const more of stream.pipeThrough(new TextDecoderStream())) {
      text = (text + more).slice(-2_000);
    }
  })();
  return () => text;
}
