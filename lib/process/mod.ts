import { settlesWithin } from "../clock.ts";
import { CameraError, ImmediateStop } from "../errors.ts";
import type { Bytes, ByteSource } from "../bytes.ts";

/** How long a program may take after each signal before it gets the next one, in milliseconds. */
const GRACE_PERIOD = { SIGINT: 2_000, SIGTERM: 1_000 };
/** The same for a program that is not expected to listen: see {@link ImmediateStop}. */
const SHORT_GRACE_PERIOD = { SIGINT: 300, SIGTERM: 200 };
/** How long what a program left behind may take to end after it, in milliseconds. */
const ORPHAN_GRACE_PERIOD = 500;
/** Of what a program complains, this much is remembered. */
const MAX_STDERR_LINES = 20;
const MAX_LINE_LENGTH = 65_536;
/**
 * Whether a program gets a process group of its own, so that what it starts can be stopped with it; the
 * terminal's Ctrl-C then reaches the server alone. Windows has no such groups, and to signal one takes the
 * permission to run any program.
 */
const USE_PROCESS_GROUPS = Deno.build.os !== "windows" &&
  Deno.permissions.querySync({ name: "run" }).state === "granted";

/** What it means when a program's standard error has a line like this. */
export interface KnownError {
  pattern: RegExp;
  /** What a person can do about it. `$1` stands for what the pattern's first group has found. */
  hint?: string;
  /** Trying again cannot help until somebody changes something. */
  permanent?: boolean;
}

type Arguments = readonly string[] | (() => Promise<readonly string[]>);

/** Options of {@link run}. */
export interface RunOptions {
  /** The complaints that are known of this program, the most telling first. */
  knownErrors?: readonly KnownError[];
  /** Variables for the program, besides those of the server. */
  env?: Record<string, string>;
  /** What to do when there is no such program. */
  installHint?: string;
}

/**
 * Runs a program and gives what it writes to its standard output, until it exits or `signal` aborts.
 * It starts at the first read. Once the source has ended or was disposed, the program is gone, and so is
 * all that it started and that has not left its process group: a shell script's programs, too.
 *
 * A program is stopped by SIGINT while its output is still being read (one with a full pipe would not
 * hear it), then by SIGTERM, then by SIGKILL.
 *
 * @param program Its name or path; of several, the first that is installed is taken.
 * @param args Or a function that finds them out, at the first read.
 * @throws {CameraError} While reading: if the program cannot be started, or exits with an error; the
 * message ends with its complaint.
 */
export function run(
  program: string | readonly string[],
  args: Arguments,
  signal: AbortSignal,
  options: RunOptions = {},
): ByteSource {
  return new Program([program].flat(), args, signal, options);
}

/** What a program said until it ended. */
export interface Output {
  /** Whether it exited with code 0. */
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of {@link output}. */
export interface OutputOptions extends Pick<RunOptions, "env" | "installHint"> {
  /** How long it may take, in milliseconds; then it is killed. */
  timeout?: number;
}

/**
 * Runs a program that has something to tell and then ends: a list, a version. It is killed when `signal`
 * aborts or when it takes too long, and what it has said by then is the answer.
 *
 * @param program As for {@link run}.
 * @throws {CameraError} If there is no such program.
 */
export async function output(
  program: string | readonly string[],
  args: readonly string[],
  signal: AbortSignal,
  { timeout = 5_000, ...options }: OutputOptions = {},
): Promise<Output> {
  const { child } = spawn([program].flat(), args, options);
  running.add(child);
  const stop = () => void kill(child, "SIGKILL");
  const timer = setTimeout(stop, timeout);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    const { success, stdout, stderr } = await child.output();
    const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { success, stdout: said!, stderr: complained! };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    running.delete(child);
  }
}

const running = new Set<Deno.ChildProcess>();

/** Ends every program that still runs, and what it started, at once: before the server itself ends. */
export function killAll(): void {
  for (const child of running) kill(child, "SIGKILL");
}

class Program implements ByteSource {
  readonly #names: readonly string[];
  readonly #args: Arguments;
  readonly #signal: AbortSignal;
  readonly #options: RunOptions;
  readonly #onAbort = () => void this.#stop();
  #name = "";
  #child: Deno.ChildProcess | undefined;
  #stdout: ReadableStreamBYOBReader | undefined;
  #stderrLines: Promise<string[]> | undefined;
  /** Ends the reading of the complaints. */
  readonly #stderrAbort = new AbortController();
  #stopped: Promise<void> | undefined;
  #disposed = false;

  constructor(
    names: readonly string[],
    args: Arguments,
    signal: AbortSignal,
    options: RunOptions,
  ) {
    this.#names = names;
    this.#args = args;
    this.#signal = signal;
    this.#options = options;
  }

  async read(into: Bytes): Promise<Bytes | undefined> {
    if (!this.#child) {
      if (this.#stopped || this.#signal.aborted) return undefined;
      const args = typeof this.#args === "function" ? await this.#args() : this.#args;
      if (this.#stopped || this.#signal.aborted) return undefined;
      this.#start(args);
    }
    if (!this.#stopped) {
      const { done, value } = await this.#stdout!.read(into);
      if (!done) return value;
    }
    await this.#end();
    return undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes> {
    try {
      for (
        let bytes;
        (bytes = await this.read(new Uint8Array(65_536))) !== undefined;
      ) yield bytes;
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.#stop();
  }

  #start(args: readonly string[]): void {
    const { name, child } = spawn(this.#names, args, this.#options);
    this.#name = name;
    this.#child = child;
    running.add(child);
    this.#stdout = child.stdout.getReader({ mode: "byob" });
    this.#stderrLines = lastLines(child.stderr, this.#stderrAbort.signal);
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** After the end of the output: waits for the program's own end, and tells if that was a failure. */
  async #end(): Promise<void> {
    const child = this.#child!;
    const exited = await settlesWithin(child.status, GRACE_PERIOD.SIGTERM);
    await this.#stop();
    const asked = this.#signal.aborted && !(this.#signal.reason instanceof ImmediateStop);
    if (asked || this.#disposed) return;
    const { code, signal, success } = await child.status;
    const lines = await this.#stderrLines!;
    const known = findKnownError(lines, this.#options.knownErrors ?? []);
    // A hung capture had to be forced: how it ended says nothing, what it complained of does.
    // And some programs end well, for them, when their camera is unplugged: only the complaint tells.
    if (!known && (this.#signal.aborted || success && exited)) return;
    const how = this.#signal.aborted
      ? ""
      : !exited
      ? " closed its output"
      : signal
      ? ` was ended by ${signal}`
      : success
      ? " ended"
      : ` exited with code ${code}`;
    const complaint = known?.line ?? lastErrorLine(lines);
    throw new CameraError(`${this.#name}${how}${complaint ? `: ${complaint}` : ""}`, {
      hint: known?.hint,
      permanent: known?.permanent,
    });
  }

  #stop(): Promise<void> {
    return this.#stopped ??= this.#terminate();
  }

  async #terminate(): Promise<void> {
    this.#signal.removeEventListener("abort", this.#onAbort);
    const child = this.#child;
    if (!child) return;
    const drained = this.#drain();
    const patience = this.#signal.reason instanceof ImmediateStop
      ? SHORT_GRACE_PERIOD
      : GRACE_PERIOD;
    const ended = kill(child, "SIGINT") && await settlesWithin(child.status, patience.SIGINT) ||
      kill(child, "SIGTERM") && await settlesWithin(child.status, patience.SIGTERM);
    if (!ended) kill(child, "SIGKILL");
    await child.status;
    const silent = Promise.all([drained, this.#stderrLines]);
    // What it left behind mostly writes to the same pipes.
    await settlesWithin(silent, ORPHAN_GRACE_PERIOD);
    kill(child, "SIGKILL");
    if (!await settlesWithin(silent, ORPHAN_GRACE_PERIOD)) await this.#stdout!.cancel(); // who holds them has left the group
    this.#stderrAbort.abort();
    await silent;
    running.delete(child);
  }

  async #drain(): Promise<void> {
    let scrap: Bytes = new Uint8Array(65_536);
    for (;;) {
      const { done, value } = await this.#stdout!.read(scrap);
      if (done) return;
      scrap = new Uint8Array(value.buffer);
    }
  }
}

function spawn(
  names: readonly string[],
  args: readonly string[],
  { env, installHint }: RunOptions,
): { name: string; child: Deno.ChildProcess } {
  for (const name of names) {
    try {
      const command = new Deno.Command(name, {
        args: [...args],
        env,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        detached: USE_PROCESS_GROUPS,
      });
      return { name, child: command.spawn() };
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) continue;
      throw new CameraError(`Cannot start ${name}`, { cause, permanent: true });
    }
  }
  throw new CameraError(`There is no program ${names.join(" or ")} on this machine`, {
    hint: installHint,
    permanent: true,
  });
}

/** Sends a signal to a program and to what it started. @returns Whether this system has that signal. */
function kill(child: Deno.ChildProcess, signal: Deno.Signal): boolean {
  if (Deno.build.os === "windows" && signal === "SIGINT") return false;
  try {
    if (USE_PROCESS_GROUPS) Deno.kill(-child.pid, signal);
    else child.kill(signal);
  } catch (error) {
    // They have already ended: Deno has one error for a group, another for a child.
    if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error;
  }
  return true;
}

/** Reads all that a program says on its standard error, and keeps the end of it. */
async function lastLines(stderr: ReadableStream<Bytes>, signal: AbortSignal): Promise<string[]> {
  let lines: string[] = [];
  let rest = "";
  try {
    for await (const text of stderr.pipeThrough(new TextDecoderStream(), { signal })) {
      const parts = (rest + text).split(/[\r\n]+/);
      rest = parts.pop()!.slice(-MAX_LINE_LENGTH);
      lines = [...lines, ...parts].slice(-MAX_STDERR_LINES);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return [...lines, rest].map(printable).filter((line) => line !== "");
}

/** A line for people: without colours, what is binary, and passwords and keys in addresses. */
function printable(line: string): string {
  // deno-lint-ignore no-control-regex
  const text = line.replaceAll(/\x1b\[[\d;]*m|[\x00-\x1f\x7f-\x9f\ufffd]/g, "");
  const open = text.replaceAll(/:\/\/\S+@/g, "://…@").replaceAll(/(:\/\/[^\s?]*\?)\S*/g, "$1…");
  return open.trim().slice(0, 500);
}

function findKnownError(lines: string[], known: readonly KnownError[]) {
  for (const knownError of known) {
    const line = lines.findLast((line) => knownError.pattern.test(line));
    if (!line) continue;
    const [found] = knownError.pattern.exec(line)!;
    const hint = knownError.hint && found.replace(knownError.pattern, knownError.hint);
    return { line, hint, permanent: knownError.permanent };
  }
}

/** The last line that sounds like an error, else the last one. */
function lastErrorLine(lines: string[]): string | undefined {
  return lines.findLast((line) =>
    /error|cannot|can't|fail|not |no such|denied|invalid/i.test(line)
  ) ??
    lines.at(-1);
}
