import type { Bytes, ByteSource } from "../bytes.ts";
import { settlesWithin } from "../clock.ts";
import { ImmediateStop } from "../errors.ts";
import { Redactor } from "../redact.ts";
import { errorFor, type KnownError, readLastLines } from "./diagnostics.ts";
import { writeInput } from "./input.ts";
import { startWithPipe } from "./output_pipe.ts";
import { type OutputReader, StreamReader } from "./output_reader.ts";
import { spawn, type SpawnOptions } from "./spawn.ts";
import {
  GRACE_PERIODS,
  gracePeriodsFor,
  runningPrograms,
  terminate,
  terminateOrphans,
} from "./terminate.ts";

/** Size of a read without a buffer of the caller, in bytes. */
const CHUNK_SIZE = 65_536;

type Arguments = readonly string[] | (() => Promise<readonly string[]>);

/** Options of {@link run}. */
export interface RunOptions extends SpawnOptions {
  /** Error messages that the program is known to print. The first match is reported. */
  knownErrors?: readonly KnownError[];
  /**
   * The program's standard input, which is empty by default. It is read as fast as the program
   * reads, from the start of the program until its end. If it fails, the program is stopped, and
   * reading the output fails with the same error.
   */
  input?: AsyncIterable<Bytes>;
  /** Called with the process ID when the program has been started. */
  onStart?(pid: number): void;
}

/**
 * Runs a program until it exits or `signal` aborts, and returns its standard output as a byte
 * source. The first read starts the program. When the source has ended or is disposed of, the
 * program has exited, and so have the descendants in its process group, such as the commands of a
 * shell script.
 *
 * The program is stopped by SIGINT, then SIGTERM, then SIGKILL. Meanwhile its output is still read,
 * because a program that is blocked on a full pipe would not react to a signal.
 *
 * @param program Its name or path. Of several, the first that is installed is run.
 * @param args The arguments, or a function that determines them at the first read.
 * @throws {CameraError} While reading, if the program cannot be started or exits with an error. The
 * message ends with the relevant line of its standard error. Or the error of `options.input`.
 */
export function run(
  program: string | readonly string[],
  args: Arguments,
  signal: AbortSignal,
  options: RunOptions = {},
): ByteSource {
  return new Program([program].flat(), args, signal, options);
}

class Program implements ByteSource {
  readonly #names: readonly string[];
  readonly #args: Arguments;
  readonly #signal: AbortSignal;
  readonly #options: RunOptions;
  readonly #onAbort = () => void this.#stop();
  #name = "";
  #child: Deno.ChildProcess | undefined;
  #output: OutputReader | undefined;
  #stderrLines: Promise<string[]> | undefined;
  #input: AsyncIterator<Bytes> | undefined;
  /** Settles when the input is no longer read. */
  #inputClosed: Promise<void> | undefined;
  #inputFailure: { error: unknown } | undefined;
  /** Stops reading standard error. */
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
      const bytes = await this.#output!.read(into);
      if (bytes) return bytes;
    }
    await this.#finish();
    return undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes> {
    try {
      for (
        let bytes;
        (bytes = await this.read(new Uint8Array(CHUNK_SIZE))) !== undefined;
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
    const { input, onStart, ...options } = this.#options;
    const { name, child, pipe } = startWithPipe(() =>
      spawn(this.#names, args, options, input ? "piped" : "null")
    );
    this.#name = name;
    this.#child = child;
    runningPrograms.add(child);
    this.#output = pipe ?? new StreamReader(child.stdout);
    this.#stderrLines = readLastLines(child.stderr, {
      signal: this.#stderrAbort.signal,
      redactor: new Redactor(args),
    });
    if (input) this.#writeInput(input[Symbol.asyncIterator](), child.stdin);
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    onStart?.(child.pid);
  }

  #writeInput(input: AsyncIterator<Bytes>, stdin: WritableStream<Bytes>): void {
    this.#input = input;
    this.#inputClosed = writeInput(stdin, input).catch((error) => {
      this.#inputFailure = { error };
      void this.#stop();
    });
  }

  /**
   * Waits for the program to exit after its output has ended.
   *
   * @throws {CameraError} If it failed.
   */
  async #finish(): Promise<void> {
    const child = this.#child!;
    const exited = await settlesWithin(child.status, GRACE_PERIODS.SIGTERM);
    await this.#stop();
    const { aborted, reason } = this.#signal;
    if (this.#disposed || aborted && !(reason instanceof ImmediateStop)) return;
    if (this.#inputFailure) throw this.#inputFailure.error;
    const [status, stderrLines] = [await child.status, await this.#stderrLines!];
    const end = { name: this.#name, aborted, exited, status, stderrLines };
    const error = errorFor(end, this.#options.knownErrors);
    if (error) throw error;
  }

  #stop(): Promise<void> {
    return this.#stopped ??= this.#terminate();
  }

  async #terminate(): Promise<void> {
    this.#signal.removeEventListener("abort", this.#onAbort);
    const child = this.#child;
    if (!child) return;
    const drained = this.#drain();
    await terminate(child, gracePeriodsFor(this.#signal.reason));
    const outputClosed = Promise.all([drained, this.#stderrLines]);
    await terminateOrphans(child, outputClosed);
    await this.#output!.close();
    this.#stderrAbort.abort();
    await outputClosed;
    await this.#input?.return?.();
    await this.#inputClosed;
    runningPrograms.delete(child);
  }

  /** Reads and discards the rest of the output. */
  async #drain(): Promise<void> {
    let buffer: Bytes = new Uint8Array(CHUNK_SIZE);
    for (let bytes; (bytes = await this.#output!.read(buffer)) !== undefined;) {
      buffer = new Uint8Array(bytes.buffer);
    }
  }
}
