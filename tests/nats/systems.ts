import { eventually, ROOT, Server } from "../server.ts";
import { footprintOf } from "../faults/figures.ts";
import type { TestHost, TestNetwork } from "./network.ts";

/** How frames get from an origin to edges: through a NATS hub, or by relays (`CAMERA=mjpeg`). */
export type Way = "nats" | "relay";
export const WAYS: readonly Way[] = ["nats", "relay"];

/** Size of a frame of 1280x720, in bytes. */
export const FRAME_SIZE = 114_000;
/** Port of the NATS hub. */
export const HUB_PORT = 4222;
/** Port of an origin and of an edge. */
export const PORT = 8000;

/** Port of the NATS server's own status. */
const MONITOR_PORT = 8222;
/** Folder with the driver of the cameras. */
const CAMERAS = new URL("../sound/cameras/", import.meta.url).pathname;

/** A NATS server on the hub of a network, which can be killed, and started again. */
export class Hub implements AsyncDisposable {
  readonly #host: TestHost;
  readonly #config: string;
  #child: Deno.ChildProcess;

  private constructor(host: TestHost, config: string, child: Deno.ChildProcess) {
    this.#host = host;
    this.#config = config;
    this.#child = child;
  }

  /** Starts a hub and waits until it listens. @param lines More lines of its configuration. */
  static async start({ hub }: TestNetwork, lines = "max_payload: 8MB"): Promise<Hub> {
    const config = await Deno.makeTempFile({ suffix: ".conf" });
    await Deno.writeTextFile(
      config,
      `listen: 0.0.0.0:${HUB_PORT}\nhttp: 127.0.0.1:${MONITOR_PORT}\nping_interval: "20s"\n${lines}\n`,
    );
    const server = new Hub(hub, config, Hub.#spawn(hub, config));
    await server.#listening();
    return server;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Its resident memory, in megabytes. */
  async memory(): Promise<number> {
    return (await footprintOf(this.pid)).memory;
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    Deno.kill(this.pid, "SIGKILL");
    await this.#child.status;
  }

  /** Starts it after {@link kill}, and waits until it listens. */
  async restart(): Promise<void> {
    this.#child = Hub.#spawn(this.#host, this.#config);
    await this.#listening();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      Deno.kill(this.pid, "SIGKILL");
    } catch {
      // it has exited
    }
    await this.#child.status;
    await Deno.remove(this.#config);
  }

  static #spawn(host: TestHost, config: string): Deno.ChildProcess {
    const [program, ...args] = host.command("nats-server", "-c", config);
    return new Deno.Command(program!, { args, stdout: "null", stderr: "null" }).spawn();
  }

  async #listening(): Promise<void> {
    await eventually("the hub listens", async () => {
      try {
        (await this.#host.connect(HUB_PORT)).close();
        return true;
      } catch {
        return false;
      }
    });
  }
}

/** Options of {@link startOrigin}. */
export interface OriginOptions {
  /** Names of its cameras. @default {front} */
  readonly cameras?: readonly string[];
  readonly fps?: number;
  /** Minimum size of a frame, in bytes. @default {FRAME_SIZE} */
  readonly size?: number;
  readonly port?: number;
  /** Port of the NATS hub, or of a proxy before it. */
  readonly hubPort?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a server with cameras, which it publishes, or offers to relays. */
export function startOrigin(
  host: TestHost,
  way: Way,
  options: OriginOptions = {},
): Promise<Server> {
  const { cameras = ["front"], fps = 30, size = FRAME_SIZE, port = PORT, env = {} } = options;
  const publishing = {
    HOST: "127.0.0.1",
    NATS_URL: hubUrl(host, options.hubPort),
    PUBLISH: "all",
  };
  return start(host, {
    CAMERA: cameras.map((name) => `${name}=flash`).join(),
    CAMERAS_DIR: CAMERAS,
    FPS: `${fps}`,
    FLASH_BYTES: `${size}`,
    IDLE_SECONDS: "2",
    PORT: `${port}`,
    ...way === "nats" ? publishing : { HOST: "0.0.0.0", AUTH: "none" },
    ...env,
  }, ["--allow-all"]);
}

/** Options of {@link startEdge}. */
export interface EdgeOptions {
  /** Names of the origin's cameras. @default {front} */
  readonly cameras?: readonly string[];
  /** The host with the origin, for a relay. */
  readonly origin: TestHost;
  readonly port?: number;
  /** Port of the origin, or of a proxy on the hub before it, for a relay. */
  readonly originPort?: number;
  /** Whether {@link originPort} is on the hub. */
  readonly proxied?: boolean;
  /** Port of the NATS hub, or of a proxy before it. */
  readonly hubPort?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts a server that gets its cameras from a hub, or relays those of an origin, with the
 * permissions of `deno task start`.
 */
export async function startEdge(host: TestHost, way: Way, options: EdgeOptions): Promise<Server> {
  const { cameras = ["front"], origin, port = PORT, originPort = PORT } = options;
  const source = `http://${options.proxied ? host.hubAddress : origin.address}:${originPort}`;
  const sources = cameras.map((name) =>
    [`${name.toUpperCase()}_SOURCE`, `${source}/cameras/${name}/video_feed`] as const
  );
  const env = {
    CAMERA: cameras.map((name) => `${name}=${way === "nats" ? "nats" : "mjpeg"}`).join(),
    HOST: "127.0.0.1",
    PORT: `${port}`,
    IDLE_SECONDS: "1",
    ...way === "nats" ? { NATS_URL: hubUrl(host, options.hubPort) } : Object.fromEntries(sources),
    ...options.env,
  };
  return await start(host, env, await permissionFlags(env));
}

/** Starts the delaying proxy on a host. @param delay Of one direction, in milliseconds. */
export async function startProxy(
  host: TestHost,
  { port, target, delay }: { port: number; target: string; delay: number },
): Promise<AsyncDisposable> {
  const program = new URL("delay_proxy.ts", import.meta.url).pathname;
  const [hostname, targetPort] = target.split(":");
  const proxy = [program, `${port}`, hostname!, targetPort!, `${delay}`];
  const [command, ...args] = host.command(Deno.execPath(), "run", "-q", "--allow-net", ...proxy);
  const child = new Deno.Command(command!, { args, stdout: "piped", stderr: "null" }).spawn();
  const reader = child.stdout.getReader();
  await reader.read(); // it listens
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}

/** Sends a signal to a server. */
export function signal({ pid }: { readonly pid: number }, name: Deno.Signal): void {
  Deno.kill(pid, name);
}

/** The part of `GET /cameras` that is about the hub. */
export interface CameraStatus {
  readonly name: string;
  readonly state: string;
  readonly published?: { edges: number; frames: number; bytes: number; tooLarge: number };
  readonly link?: {
    lanes: number;
    frames: number;
    bytes: number;
    late: number;
    duplicate: boolean;
  };
  readonly error?: unknown;
}

/** Returns the cameras of the server on a host. */
export async function camerasOf(host: TestHost, port = PORT): Promise<readonly CameraStatus[]> {
  const answer = await host.getJson<CameraStatus[] | { cameras: CameraStatus[] }>("/cameras", port);
  return Array.isArray(answer) ? answer : answer.cameras;
}

/** Returns one camera of the server on a host. */
export async function cameraOf(host: TestHost, name = "front", port = PORT): Promise<CameraStatus> {
  const camera = (await camerasOf(host, port)).find((camera) => camera.name === name);
  if (!camera) throw new Error(`No camera "${name}" at ${host.name}`);
  return camera;
}

function hubUrl(host: TestHost, port = HUB_PORT): string {
  return `nats://${host.hubAddress}:${port}`;
}

function start(host: TestHost, env: Record<string, string>, flags: string[]): Promise<Server> {
  const command = host.command(Deno.execPath(), "run", "-q", ...flags, "main.ts");
  return Server.start({ command, env });
}

const flagsOf = new Map<string, Promise<string[]>>();

/** Returns the flags of `deno task start` with these settings. */
function permissionFlags(env: Record<string, string>): Promise<string[]> {
  const key = JSON.stringify(env);
  const flags = flagsOf.get(key) ?? (async () => {
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--allow-env", "--allow-read=cameras", "lib/cli/permission_flags.ts"],
      cwd: ROOT,
      env,
    }).output();
    const flags = new TextDecoder().decode(stdout).trim().split(/\s+/);
    if (!success || flags.length < 2) throw new Error(`No permission flags for ${key}`);
    return flags;
  })();
  flagsOf.set(key, flags);
  return flags;
}
