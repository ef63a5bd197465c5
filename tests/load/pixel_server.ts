import { systemClock } from "../../lib/clock.ts";
import { openTurboJpeg, TURBOJPEG_LIBRARIES } from "../../lib/pixels/turbojpeg_library.ts";
import { dinocamWithoutTask } from "./contestants.ts";
import { descendantsOf, type Usage, usageOf } from "./proc.ts";
import { type Cores, followed, freePort, listening, spawn, stop } from "./run.ts";
import type { Tools } from "./tools.ts";

/** Frame rate of the cameras. */
export const FPS = 30;
/** Camera whose pictures are changed. */
export const CAMERA = "front";

/** Time before a measurement, in seconds: JIT compilation costs CPU time in the first ones. */
export const WARMUP = 15;

/** Options of the benchmarks of changed pictures. */
export interface PixelsBenchOptions {
  readonly tools: Tools;
  readonly cores: Cores;
  /** Duration of each measurement, in seconds. */
  readonly seconds: number;
  readonly rounds: number;
}

/** Returns the engines of renditions that this machine has, by name, and whether each is the library. */
export function engines(): [name: string, usesLibrary: boolean][] {
  return openTurboJpeg()
    ? [["TypeScript", false], ["libturbojpeg", true]]
    : [["TypeScript", false]];
}

/** Options of {@link PixelServer.start}. */
export interface PixelServerOptions {
  readonly tools: Tools;
  /** The server's core, or several: `0,1`. */
  readonly core: number | string | undefined;
  /** Core of the load client. */
  readonly clientCore: number | string | undefined;
  /** Whether the server may use libturbojpeg. */
  readonly usesLibrary?: boolean;
  /** Settings of the server. */
  readonly env: Readonly<Record<string, string>>;
}

/** What viewers have received, and what that cost the server. */
export interface Reception {
  /** Frames of the camera during the measurement. */
  readonly frames: number;
  /** Duration of the measurement, in seconds. */
  readonly seconds: number;
  /** CPU time of the server per frame of the camera, in milliseconds. */
  readonly cpu: number;
  /** Frames per second of the slowest viewer. */
  readonly fps: number;
  /** Age of the camera's frame when its picture has arrived at the viewer, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Mean size of a picture, in bytes. */
  readonly bytes: number;
}

/** How a stream is watched. */
export interface Watching {
  readonly viewers: number;
  /** Times before and during the measurement, in seconds. */
  readonly warmup: number;
  readonly seconds: number;
  /** Frame rate of the camera. @default {30} */
  readonly rate?: number;
  /** Whether its frames are due at known times. Without, ages are wrong. @default {true} */
  readonly isAligned?: boolean;
}

/** The output of mjpegload, of which these fields are used. */
interface Output {
  readonly seconds: number;
  readonly frames: number;
  readonly answered: number;
  readonly dead: number;
  readonly corrupt: number;
  readonly dup: number;
  readonly out_of_order: number;
  readonly fps_min: number;
  readonly bytes: number;
  readonly lat_p50_ms: number;
  readonly lat_p99_ms: number;
}

/** Options of {@link cameraSource}. */
export interface CameraSourceOptions {
  /** Frames per second. @default {30} */
  readonly rate?: number;
  /**
   * Whether frames are due at known times, so that the age of any picture is known. With several
   * cameras of one rate, all are due at once.
   *
   * @default {true}
   */
  readonly isAligned?: boolean;
}

/** Returns `SOURCE` of a camera. */
export function cameraSource(
  tools: Tools,
  height: number,
  { rate = FPS, isAligned = true }: CameraSourceOptions = {},
): string {
  const align = isAligned ? "--align " : "";
  return `${tools.path}/rpicam-vid --height ${height} --framerate ${rate} ${align}-t 0 -o -`;
}

/** A server whose pictures are measured. */
export class PixelServer implements AsyncDisposable {
  readonly port: number;
  readonly #options: PixelServerOptions;
  readonly #process: Deno.ChildProcess;
  readonly #errors: Promise<string>;

  private constructor(port: number, process: Deno.ChildProcess, options: PixelServerOptions) {
    this.port = port;
    this.#process = process;
    this.#options = options;
    this.#errors = new Response(process.stderr).text();
  }

  /** Starts a server like `deno task start` and waits until it listens. */
  static async start(options: PixelServerOptions): Promise<PixelServer> {
    const { tools, core, usesLibrary = true, env } = options;
    const port = freePort();
    const command = (await dinocamWithoutTask()).command({ height: 720, fps: FPS }, port);
    // Without the permission for it, the server does not use the library.
    const denied = ` --deny-ffi=${TURBOJPEG_LIBRARIES.linux} main.ts`;
    const own = usesLibrary ? command : command.replace(" main.ts", denied);
    const process = spawn(core, "sh", ["-c", own], {
      env: { FAKECAM_DIR: tools.frames, AUDIO: "off", ...env },
      stdout: "null",
    });
    const server = new PixelServer(port, process, options);
    await listening(port, process).catch(async (error) => {
      await stop(process);
      throw new Error(`${error.message}: ${await server.#errors}`);
    });
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#process);
    await this.#errors;
  }

  /** The resources that the server has used so far. */
  get usage(): Usage {
    return usageOf(this.#process.pid);
  }

  /** Number of Workers of the server. */
  get workers(): number {
    const tasks = [this.#process.pid, ...descendantsOf(this.#process.pid)].flatMap((pid) =>
      [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => `/proc/${pid}/task/${name}/comm`)
    );
    return tasks.filter((file) => Deno.readTextFileSync(file).startsWith("worker-")).length;
  }

  /**
   * Connects viewers of a stream, and measures.
   *
   * @throws {Error} If a viewer has not received whole frames in order.
   */
  async watch(
    path: string,
    { viewers, warmup, seconds, rate = FPS, isAligned = true }: Watching,
  ): Promise<Reception> {
    const { tools, clientCore } = this.#options;
    const client = spawn(clientCore, tools.client, [
      ...["-p", `${this.port}`, "-u", path, "-c", `${viewers}`, "-A", `${rate}`],
      ...["-t", `${seconds}`, "-w", `${warmup}`],
    ], { stdout: "piped" });
    const sample = () => this.usage.cpu;
    const { output, before, after } = await followed<Output, number>(client, sample);
    const { answered, dead, corrupt, dup, out_of_order } = output;
    const unanswered = viewers - answered;
    const faults = { unanswered, dead, corrupt, ...isAligned ? { out_of_order } : {} };
    if (Object.values(faults).some((count) => count > 0)) {
      throw new Error(`${path}: ${JSON.stringify(faults)}`);
    }
    // The frame before was read so late that it counts as this one.
    if (dup > 0 && isAligned) console.error(`${path}: ${dup / viewers} frames late by an interval`);
    const frames = output.seconds * rate;
    return {
      frames,
      seconds: output.seconds,
      cpu: (after - before) / frames,
      fps: output.fps_min,
      p50: output.lat_p50_ms,
      p99: output.lat_p99_ms,
      bytes: output.bytes / output.frames,
    };
  }

  /** Measures without viewers. @returns CPU time of the server per frame of the camera, in milliseconds. */
  async idle(seconds: number): Promise<number> {
    const [begun, before] = [performance.now(), this.usage.cpu];
    await systemClock.sleep(seconds * 1000);
    const elapsed = (performance.now() - begun) / 1000;
    return (this.usage.cpu - before) / elapsed / FPS;
  }

  /** Waits until no rendition runs. @throws {Error} If one still does after a minute. */
  async hasNoRenditions(): Promise<void> {
    await waitUntil(
      "no rendition runs",
      async () => (await this.metrics("renditions")).renditions === 0,
    );
  }

  /**
   * Waits until no Worker runs: the CPU time of one that ends is missing in {@link usage}.
   *
   * @throws {Error} If one still does after a minute.
   */
  async hasNoWorkers(): Promise<void> {
    await waitUntil("no Worker runs", () => this.workers === 0);
  }

  /** Returns numbers of the camera in `/metrics`, all of one moment, by their names without `dinocam_`. */
  async metrics<Name extends string>(...names: readonly Name[]): Promise<Record<Name, number>> {
    const response = await fetch(`http://127.0.0.1:${this.port}/metrics`);
    const text = await response.text();
    const values = names.map((name) => {
      const value = new RegExp(`^dinocam_${name}\\{camera="${CAMERA}"\\} (\\S+)$`, "m").exec(text);
      if (!value) throw new Error(`No ${name} in /metrics`);
      return [name, Number(value[1])];
    });
    return Object.fromEntries(values);
  }
}

async function waitUntil(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await isTrue()) return;
    await systemClock.sleep(100);
  }
  throw new Error(`Not within a minute: ${what}`);
}
