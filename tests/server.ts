import { settlesWithin } from "../lib/clock.ts";

/** The root folder of the project. */
export const ROOT = new URL("..", import.meta.url);
/** Folder with the stand-in for the Raspberry Pi's camera program. */
export const FAKES = new URL("fakes/", import.meta.url).pathname;

/** Time limit for a server to print its address, in milliseconds. */
const START_TIMEOUT = 20_000;

/** The banner from the address to its end: who can connect, in at least one line. */
const BANNER = /^Watch at (\S+)\/.*\n(?:.+\n)+$/m;

/** Time limit for a server to exit after a signal, in milliseconds. */
const SHUTDOWN_TIMEOUT = 5_000;

/** Options of {@link Server.start}. */
export interface ServerOptions {
  /** Environment variables, added to those of this process. The default of `PORT` is a free one. */
  env?: Record<string, string>;
  /** The command to run. @default {`deno run --allow-all main.ts`} */
  command?: readonly string[];
  cwd?: string | URL;
}

/** A server that runs as a separate process, as it does for a user. */
export class Server implements AsyncDisposable {
  /** Its address, without a trailing slash. */
  url = "";
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  #stdout = "";
  #output = "";

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#reading = Promise.all([
      this.#read(child.stdout, (text) => this.#stdout += text),
      this.#read(child.stderr),
    ]);
  }

  /** Starts a server and waits until it listens and has printed its banner. */
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
      while (!(server.url = BANNER.exec(server.#stdout)?.[1] ?? "")) {
        if (await settlesWithin(server.exited, 10)) {
          await server.#reading;
          throw new Error(`The server exited: ${server.#output}`);
        }
      }
    })();
    listening.catch(() => {}); // reported below
    if (!await settlesWithin(listening, START_TIMEOUT)) {
      await server[Symbol.asyncDispose]();
      throw new Error(`The server does not listen: ${server.#output}`);
    }
    return server;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Everything that it has printed so far, on standard output and standard error. */
  get output(): string {
    return this.#output;
  }

  /** Resolves when the process has exited. */
  get exited(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  /**
   * Sends a signal and waits for the exit.
   *
   * @returns The exit status, and the time it took in milliseconds.
   */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus & { took: number }> {
    const begun = performance.now();
    this.#child.kill(signal);
    const status = await this.exited;
    const took = performance.now() - begun;
    await this.#reading;
    return { ...status, took };
  }

  /**
   * Stops it, with SIGTERM first: a server that is killed at once would leave a hung capture
   * behind.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      try {
        this.#child.kill(signal);
      } catch {
        break; // it has already exited
      }
      if (await settlesWithin(this.exited, SHUTDOWN_TIMEOUT)) break;
    }
    await this.#reading;
  }

  async #read(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    onText = (_text: string) => {},
  ): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#output += text;
      onText(text);
    }
  }
}

/**
 * Returns the command lines of the running descendants of a process, by process id. Reads /proc
 * (Linux).
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
        for (const [pid, command] of await descendants(child)) found.set(pid, command);
      }
    } catch {
      // it exited in the meantime
    }
  }
  return found;
}

/**
 * Waits until a condition holds, checking every 20 ms.
 *
 * @throws If it does not hold within the time limit.
 */
export async function eventually(
  description: string,
  condition: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  const begun = performance.now();
  while (!await condition()) {
    if (performance.now() - begun > ms) throw new Error(`Not within ${ms} ms: ${description}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Reads a stream until `enough` returns true for the text (as Latin-1) received so far; returns
 * that text.
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
