import { settlesWithin } from "../lib/clock.ts";

/** The project's folder. */
export const ROOT = new URL("..", import.meta.url);
/** The folder with the programs that stand in for those of a Pi's camera. */
export const FAKES = new URL("fakes/", import.meta.url).pathname;

/** Time for a server to print its address, in milliseconds. */
const START_TIMEOUT = 20_000;

/** Time for a server to exit after a signal, in milliseconds. */
const SHUTDOWN_TIMEOUT = 5_000;

/** Options of {@link Server.start}. */
export interface ServerOptions {
  /** Environment variables, added to those of the tests. `PORT` is any free port by default. */
  env?: Record<string, string>;
  /** Program and arguments. @default {deno run --allow-all main.ts} */
  command?: readonly string[];
  cwd?: string | URL;
}

/** A server that runs as a process. */
export class Server implements AsyncDisposable {
  /** Its address, without a slash at the end. */
  url = "";
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  #output = "";

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#reading = Promise.all([this.#read(child.stdout), this.#read(child.stderr)]);
  }

  /** Starts it and waits until it listens. */
  static async start({ env = {}, command, cwd = ROOT }: ServerOptions = {}): Promise<Server> {
    const [program, ...args] = command ?? [Deno.execPath(), "run", "-q", "--allow-all", "main.ts"];
    const server = new Server(
      new Deno.Command(program!, {
        args,
        cwd,
        env: { PORT: "0", ...env },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
    const listening = (async () => {
      while (!(server.url = /Watch at (\S+)\//.exec(server.#output)?.[1] ?? "")) {
        if (await settlesWithin(server.exited, 10)) {
          throw new Error(`The server exited: ${server.#output}`);
        }
      }
    })();
    listening.catch(() => {}); // thrown below
    if (!await settlesWithin(listening, START_TIMEOUT)) {
      await server[Symbol.asyncDispose]();
      throw new Error(`The server does not listen: ${server.#output}`);
    }
    return server;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What it has printed so far, to stdout and stderr. */
  get output(): string {
    return this.#output;
  }

  /** Resolves when it exits. */
  get exited(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  /**
   * Sends a signal, and waits until the server exits.
   *
   * @returns Its status, and the time taken in milliseconds.
   */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus & { took: number }> {
    const signalledAt = performance.now();
    this.#child.kill(signal);
    const status = await this.exited;
    const took = performance.now() - signalledAt;
    await this.#reading;
    return { ...status, took };
  }

  /** Stops it with SIGTERM first: a server that is killed leaves a hung capture behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      try {
        this.#child.kill(signal);
      } catch {
        break; // it has exited already
      }
      if (await settlesWithin(this.exited, SHUTDOWN_TIMEOUT)) break;
    }
    await this.#reading;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#output += text;
  }
}

/**
 * The command lines of the living descendants of a process, by pid. Reads /proc, so on Linux only.
 */
export async function descendants(pid: number): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for await (const { name } of Deno.readDir("/proc")) {
    const child = Number(name);
    if (!child) continue;
    try {
      const stat = await Deno.readTextFile(`/proc/${child}/stat`);
      const parent = Number(stat.slice(stat.lastIndexOf(")")).split(" ")[2]);
      const line = await Deno.readTextFile(`/proc/${child}/cmdline`);
      if (parent === pid) {
        found.set(child, line.replaceAll("\0", " ").trim());
        for (const entry of await descendants(child)) found.set(...entry);
      }
    } catch {
      // it has exited meanwhile
    }
  }
  return found;
}

/**
 * Waits until `holds` returns true; calls it every 20 ms.
 *
 * @throws If that takes longer than `ms`.
 */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  const startedAt = performance.now();
  while (!await holds()) {
    if (performance.now() - startedAt > ms) throw new Error(`Not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Reads a stream until `enough` accepts all the text so far.
 *
 * @returns That text, decoded as Latin-1.
 */
export async function readUntil(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  enough: (text: string) => boolean,
): Promise<string> {
  let text = "";
  const latin1 = new TextDecoder("latin1");
  for await (const bytes of stream) {
    text += latin1.decode(bytes);
    if (enough(text)) break;
  }
  return text;
}
