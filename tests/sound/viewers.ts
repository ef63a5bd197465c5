import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { figure, rounded } from "../faults/figures.ts";
import { cameraEnv } from "../load/contestants.ts";
import { type Cores, follow, spawn } from "../load/run.ts";
import { makeTools, type Tools } from "../load/tools.ts";
import { PulseAudio } from "../pulse_audio.ts";
import { Server } from "../server.ts";
import { BeepPlayer } from "./beep_processes.ts";
import { prioritize } from "./priority.ts";

/** Programs that these measurements need, besides those of PulseAudio. */
export const LOAD = ["cc", "taskset", "chrt", "nice"];

/** Number of viewers, and of listeners. */
const CLIENTS = 50;
/** Pairs of rounds, without and with sound. */
const PAIRS = Number(Deno.env.get("LISTENER_PAIRS") || 8);
/** Duration of the measurement in a round, in seconds. */
const SECONDS = Number(Deno.env.get("LISTENER_SECONDS") || 5);
/** Time before the measurement, in which the captures start (sound: 0.4 s), in seconds. */
const WARMUP = 1.5;
/** Goals: percent of a core, milliseconds, share of the frames and packets that clients receive. */
const GOAL = { cpu: 10, latency: 2, received: 0.97 };
/** Packets of sound per second. */
const PACKET_RATE = 50;
/** Name of the camera. */
const CAMERA = "front";
/** The picture: 114 KB per frame. */
const PICTURE = { height: 720, fps: 30 } as const;
/** The clients run on another core than the server and its captures. */
const CORES: Cores = navigator.hardwareConcurrency > 1 ? { server: 0, client: 1 } : undefined;

/** Clients that only listen. They run when nothing else does. */
const LISTENERS = {
  program: "liveClient",
  options: ["-n", CAMERA, "-L"],
  priority: ["chrt", "-i", "0"],
} as const;

/** What the load clients print. */
interface Printed {
  readonly seconds: number;
  readonly answered: number;
  readonly dead: number;
  readonly corrupt: number;
  readonly frames: number;
  /** Age of a frame when its last byte arrives, in milliseconds. */
  readonly lat_p50_ms: number;
  readonly lat_p99_ms: number;
  readonly client_cpu_pct: number;
  readonly packets?: number;
  readonly packets_missing?: number;
  readonly sound_p99_ms?: number;
}

/** One round. */
interface Round {
  readonly viewers: Printed;
  /** The clients that receive sound. */
  readonly listeners?: Printed;
  /** Percent of a core that the server and its captures use, without the camera. */
  readonly cpu: number;
}

/**
 * Measures 50 viewers of `/video_feed` without sound, and beside 50 clients of `/live` that listen
 * and watch nothing, in turn: the age of the frames on arrival, and the server's CPU time. The
 * listeners run only when nothing else does, so that they do not delay the viewers' client.
 */
export async function checkViewersBesideListeners(): Promise<void> {
  await using bench = await Bench.start();
  const options = ["-M", "-V", "0", "-u", "/video_feed"];
  const watch = () => bench.run({ program: "client", options, seconds: SECONDS, warmup: WARMUP });
  await compare(`${CLIENTS} viewers of /video_feed beside ${CLIENTS} listeners`, async (sound) => {
    if (!sound) {
      const { output, cpu } = await watch();
      return { viewers: output, cpu };
    }
    const [listening, watching] = await Promise.all([
      // They stay until the viewers have left.
      bench.run({ ...LISTENERS, seconds: SECONDS + 0.5, warmup: WARMUP - 0.25 }),
      watch(),
    ]);
    return { viewers: watching.output, listeners: listening.output, cpu: watching.cpu };
  });
}

/**
 * Measures 50 clients of `/live` that watch, and watch and listen, in turn: frames and sound come
 * over one socket.
 */
export async function checkListeningViewers(): Promise<void> {
  await using bench = await Bench.start();
  await compare(`${CLIENTS} viewers of /live who listen`, async (sound) => {
    const { output, cpu } = await bench.run({
      program: "liveClient",
      options: ["-n", CAMERA, "-W", ...(sound ? ["-L"] : [])],
      seconds: SECONDS,
      warmup: WARMUP,
    });
    return { viewers: output, listeners: sound ? output : undefined, cpu };
  });
}

/**
 * Measures rounds without and with sound in turn; the order changes from pair to pair. Prints all
 * pairs, and the median of their differences.
 */
async function compare(name: string, measure: (sound: boolean) => Promise<Round>): Promise<void> {
  for (const sound of [false, true]) await measure(sound); // JIT compilation
  const measured: Round[] = [];
  const differences: { cpu: number; p50: number; p99: number }[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const order = pair % 2 === 0 ? [false, true] : [true, false];
    const rounds = new Map<boolean, Round>();
    for (const sound of order) rounds.set(sound, await measure(sound));
    const [silent, listening] = [rounds.get(false)!, rounds.get(true)!];
    const difference = {
      cpu: listening.cpu - silent.cpu,
      p50: listening.viewers.lat_p50_ms - silent.viewers.lat_p50_ms,
      p99: listening.viewers.lat_p99_ms - silent.viewers.lat_p99_ms,
    };
    differences.push(difference);
    console.log(
      `pair ${pair + 1}: without sound ${text(silent)}; with sound ${text(listening)}; ` +
        `difference ${rounded(difference.cpu)} %, p50 ${hundredths(difference.p50)} ms, ` +
        `p99 ${hundredths(difference.p99)} ms`,
    );
    measured.push(silent, listening);
  }
  const middle = (key: "cpu" | "p50" | "p99") =>
    median(differences.map((difference) => difference[key]));
  const [cpu, latency] = [middle("cpu"), middle("p99")];
  const pairs = `median of ${PAIRS} pairs`;
  figure(`${name}: CPU`, `${rounded(cpu)} % of a core more, ${pairs}`, `${GOAL.cpu} %`);
  figure(`${name}: median age of a frame`, `${hundredths(middle("p50"))} ms more, ${pairs}`);
  figure(
    `${name}: 99th percentile of a frame's age`,
    `${hundredths(latency)} ms more, ${pairs}`,
    `${GOAL.latency} ms`,
  );
  for (const round of measured) check(round);
  assertLess(cpu, GOAL.cpu);
  assertLess(latency, GOAL.latency);
}

/** Fails unless all clients have received what they asked for. */
function check({ viewers, listeners }: Round): void {
  for (const { answered, dead, corrupt } of listeners ? [viewers, listeners] : [viewers]) {
    assertEquals({ answered, dead, corrupt }, { answered: CLIENTS, dead: 0, corrupt: 0 });
  }
  const frames = CLIENTS * viewers.seconds * PICTURE.fps;
  assertGreater(viewers.frames, GOAL.received * frames);
  if (!listeners) return assertEquals(viewers.packets ?? 0, 0);
  const packets = CLIENTS * listeners.seconds * PACKET_RATE;
  assertGreater(listeners.packets!, GOAL.received * packets);
  assertLess(listeners.packets_missing!, (1 - GOAL.received) * packets);
}

function text({ viewers, listeners, cpu }: Round): string {
  const { frames, seconds, lat_p50_ms, lat_p99_ms } = viewers;
  const rate = frames / seconds / CLIENTS;
  const received = listeners && listeners.packets! / listeners.seconds / CLIENTS / PACKET_RATE;
  const sound = received && `, ${rounded(received * 100)} % of the packets`;
  return `${rounded(cpu)} %, ${rounded(rate)} fps, p50/p99 ${hundredths(lat_p50_ms)}/` +
    `${hundredths(lat_p99_ms)} ms${sound ?? ""}`;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

function hundredths(value: number): string {
  return value.toFixed(2);
}

/** A run of a load client. */
interface Run {
  readonly program: "client" | "liveClient";
  /** Options of the program, besides the port, the number of clients, and the durations. */
  readonly options: readonly string[];
  /** In seconds. */
  readonly seconds: number;
  readonly warmup: number;
  /** The command that sets the program's priority. @default {above other processes} */
  readonly priority?: readonly string[];
}

/**
 * A server with the camera and the clients of the load benchmark, and a microphone. The server and
 * its captures run on the first core; the clients, the microphone and this process on the second.
 */
class Bench implements AsyncDisposable {
  readonly #server: Server;
  readonly #tools: Tools;
  readonly #stack: AsyncDisposableStack;

  private constructor(stack: AsyncDisposableStack, parts: { server: Server; tools: Tools }) {
    this.#stack = stack;
    ({ server: this.#server, tools: this.#tools } = parts);
  }

  static async start(): Promise<Bench> {
    const tools = await makeTools(new URL("../../.tmp/load", import.meta.url).pathname);
    await using stack = new AsyncDisposableStack();
    if (CORES) stack.use(await Affinity.set(CORES.client)); // the microphone inherits it
    const audio = stack.use(await PulseAudio.start());
    // A microphone into which nothing is played delivers its first samples only after 2 s.
    stack.use(new BeepPlayer(audio));
    const command = [Deno.execPath(), "run", "-q", "--no-check", "--allow-all", "main.ts"];
    const server = stack.use(
      await Server.start({
        command: CORES ? ["taskset", "-c", `${CORES.server}`, ...command] : command,
        env: {
          ...cameraEnv(tools, PICTURE),
          CAMERA: `${CAMERA}=pi`,
          ...audio.env,
          AUDIO: `pulse:${audio.source}`,
          // The capture of sound runs in rounds with sound only, so that its cost counts.
          IDLE_SECONDS: "0",
        },
      }),
    );
    await prioritize();
    return new Bench(stack.move(), { server, tools });
  }

  /** Runs a load client, and measures the CPU time of the server meanwhile. */
  async run({ program, options, seconds, warmup, priority }: Run): Promise<
    { output: Printed; cpu: number }
  > {
    const [first, ...rest] = [
      ...(priority ?? ["nice", "-n", "-10"]),
      this.#tools[program],
      ...["-p", new URL(this.#server.url).port, "-c", `${CLIENTS}`],
      ...["-t", `${seconds}`, "-w", `${warmup}`],
      ...options,
    ];
    const client = spawn(CORES?.client, first!, rest, { stdout: "piped" });
    const { output, cpu } = await follow<Printed>(client, this.#server.pid);
    return { output, cpu: cpu / output.seconds / 10 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** The cores on which this process and the processes that it starts run. */
class Affinity implements AsyncDisposable {
  readonly #before: string;

  private constructor(before: string) {
    this.#before = before;
  }

  static async set(core: number): Promise<Affinity> {
    const before = /(\w+)\s*$/.exec(await Affinity.#change([]))![1]!;
    await Affinity.#change(["-a", "-c"], `${core}`);
    return new Affinity(before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Affinity.#change(["-a"], this.#before);
  }

  static async #change(options: readonly string[], cores?: string): Promise<string> {
    const args = [...options, "-p", ...(cores ? [cores] : []), `${Deno.pid}`];
    const { success, stdout } = await new Deno.Command("taskset", { args }).output();
    if (!success) throw new Error(`taskset ${args.join(" ")} failed`);
    return new TextDecoder().decode(stdout);
  }
}
