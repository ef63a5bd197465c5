import { settlesWithin } from "../lib/clock.ts";

/** The project's own folder. */
export const ROOT = new URL("..", import.meta.url);
/** The folder with the stand-in for the camera program of a Pi. */
export const FAKES = new URL("fakes/", import.meta.url).pathname;

/** How long a server may take to say where it listens, in milliseconds. */
const START = 20_000;

/** How long a server may take to end after a signal, in milliseconds. */
const SHUTDOWN_TIMEOUT = 5_000;

/** Options of {@link Server.start}. */
export interface ServerOptions {
  /** Variables for it, besides `PATH`, `HOME` and the like. `PORT` is one that is free unless it is given. */
  env?: Record<string, string>;
  /** Another program than `deno run main.ts`. */
  command?: readonly string[];
  cwd?: string | URL;
}

/** A server that runs as a process of its own, as it does for a user. */
export class Server implements AsyncDisposable {
  /** Where it listens, without a slash at the end. */
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
        if (await settlesWithin(server.exited, 10)) throw new Error(`It ended: ${server.#output}`);
      }
    })();
    listening.catch(() => {}); // told below
    if (!await settlesWithin(listening, START)) {
      await server[Symbol.asyncDispose]();
      throw new Error(`It does not listen: ${server.#output}`);
    }
    return server;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What it has printed so far, on both outputs. */
  get output(): string {
    return this.#output;
  }

  /** Its end. */
  get exited(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  /** Asks it to end. @returns How it did, and how long that took in milliseconds. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus & { took: number }> {
    const asked = performance.now();
    this.#child.kill(signal);
    const status = await this.exited;
    const took = performance.now() - asked;
    await this.#reading;
    return { ...status, took };
  }

  /** Ends it, in order if it can: a server that is killed leaves a hung capture behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      try {
        this.#child.kill(signal);
      } catch {
        break; // it has ended already
      }
      if (await settlesWithin(this.exited, SHUTDOWN_TIMEOUT)) break;
    }
    await this.#reading;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#output += text;
  }
}

/** The command lines of a process's living children and theirs, by pid; of Linux' /proc. */
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
        for (const [its, command] of await descendants(child)) found.set(its, command);
      }
    } catch {
      // it ended while we looked
    }
  }
  return found;
}

/** Waits until `holds` does, looking again every 20 ms. @throws If it does not in time. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  const begun = performance.now();
  while (!await holds()) {
    if (performance.now() - begun > ms) throw new Error(`Not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Reads a stream until `enough` holds for all the text (as Latin-1) that has come; gives that text. */
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
