import type { Bytes } from "../bytes.ts";
import { LibcError, openLibc } from "../libc.ts";
import type { OutputReader } from "./output_reader.ts";

/** Capacity of a pipe, in bytes: the largest without privileges. A frame is read in one piece. */
const PIPE_SIZE = 1 << 20;
/**
 * Maximum number of waiting threads: half of the threads that Deno has for all blocking work, such
 * as access to files and DNS, which would wait for the next frame if all of them waited here.
 */
const MAX_THREADS = 16;
/** Number of free descriptors among which the pipes of a new program are searched. */
const MAX_NEW_DESCRIPTORS = 32;
/** Maximum number of attempts to read while reads fail: a signal may interrupt them. */
const MAX_ATTEMPTS = 100;
/** Pause before a pending read is interrupted again if that failed, in milliseconds. */
const INTERRUPT_INTERVAL = 50;

// Constants of Linux, the same on all architectures that Deno supports.
const F_GETFD = 1;
const F_GETFL = 3;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const O_ACCMODE = 3;
const O_RDONLY = 0;
const O_WRONLY = 1;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

const FUNCTIONS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32", nonblocking: true },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
} as const;

/** The C library, opened for the functions of an {@link OutputPipe}. */
export type PipeLibrary = Deno.DynamicLibrary<typeof FUNCTIONS>;

let threads = 0;

/**
 * Starts a program by `start`, and opens a second reading end of its standard output where that is
 * possible: on Linux, with `--allow-ffi`, and for at most {@link MAX_THREADS} programs at a time.
 * Deno's stream of the output is then cancelled.
 */
export function startWithPipe<Started extends { readonly child: Deno.ChildProcess }>(
  start: () => Started,
): Started & { readonly pipe: OutputPipe | undefined } {
  const libc = openPipeLibrary();
  let pipe: OutputPipe | undefined;
  try {
    const free = libc ? findFreeDescriptors(libc) : [];
    const started = start();
    if (libc) pipe = openPipe(libc, started.child, free);
    return { ...started, pipe };
  } finally {
    if (!pipe) libc?.close();
  }
}

/**
 * A reading end of a program's standard output. A read waits in a thread of Deno's pool, and wakes
 * the event loop once for each frame.
 */
export class OutputPipe implements OutputReader {
  readonly #libc: PipeLibrary;
  readonly #descriptor: number;
  #pending: Promise<number> | undefined;
  #closed: Promise<void> | undefined;

  /** Takes over the descriptor and the library, and closes both. */
  constructor(libc: PipeLibrary, descriptor: number) {
    this.#libc = libc;
    this.#descriptor = descriptor;
    threads++;
  }

  async read(into: Bytes): Promise<Bytes | undefined> {
    while (this.#pending) await this.#pending;
    for (let attempt = 0; attempt < MAX_ATTEMPTS && !this.#closed; attempt++) {
      this.#pending = this.#libc.symbols.read(this.#descriptor, into, BigInt(into.length));
      const count = await this.#pending;
      this.#pending = undefined;
      // `into` is used after the call, so it is not garbage-collected while the thread writes to it.
      if (count > 0 && !this.#closed) return count < into.length ? into.subarray(0, count) : into;
      if (count === 0) break;
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    // Not earlier: the thread could then read from a new file with the same descriptor.
    while (this.#pending) {
      if (interrupt(this.#libc, this.#descriptor)) await this.#pending;
      else await new Promise((resolve) => setTimeout(resolve, INTERRUPT_INTERVAL));
    }
    this.#libc.symbols.close(this.#descriptor);
    this.#libc.close();
    threads--;
  }
}

function openPipeLibrary(): PipeLibrary | undefined {
  if (Deno.build.os !== "linux" || threads >= MAX_THREADS) return undefined;
  try {
    return openLibc(FUNCTIONS);
  } catch (error) {
    if (error instanceof LibcError) return undefined;
    throw error;
  }
}

/** Finds the numbers that the next descriptors get: the kernel allocates the lowest free ones. */
function findFreeDescriptors({ symbols: { fcntl } }: PipeLibrary): number[] {
  const free: number[] = [];
  for (let descriptor = 0; free.length < MAX_NEW_DESCRIPTORS; descriptor++) {
    if (fcntl(descriptor, F_GETFD, 0) === -1) free.push(descriptor);
  }
  return free;
}

/** @returns Undefined if the pipe is not certainly the program's, or cannot be opened. */
function openPipe(
  libc: PipeLibrary,
  child: Deno.ChildProcess,
  free: readonly number[],
): OutputPipe | undefined {
  // Deno creates the pipe of standard output, then that of standard error.
  const [stdout, stderr, ...others] = free.filter((descriptor) => isReadingEnd(libc, descriptor));
  if (stdout === undefined || stderr === undefined || others.length > 0) return undefined;
  // A script may already have redirected its output, and another user's program hides it.
  const name = readLink(libc, `/proc/self/fd/${stdout}`);
  if (!name || name !== readLink(libc, `/proc/${child.pid}/fd/1`)) return undefined;
  // Deno's end does not block; a new one does.
  const descriptor = open(libc, `/proc/self/fd/${stdout}`, O_RDONLY);
  if (descriptor === -1) return undefined;
  if (!withWritingEnd(libc, descriptor, () => {})) { // a pending read could not be ended
    libc.symbols.close(descriptor);
    return undefined;
  }
  // If it fails, the pipe holds 64 KiB, and a frame is read in pieces.
  libc.symbols.fcntl(descriptor, F_SETPIPE_SZ, PIPE_SIZE);
  void child.stdout.cancel();
  return new OutputPipe(libc, descriptor);
}

/** Ends a pending read by a byte in the pipe. @returns Whether that was possible. */
function interrupt(libc: PipeLibrary, descriptor: number): boolean {
  const { write } = libc.symbols;
  return withWritingEnd(libc, descriptor, (end) => void write(end, new Uint8Array(1), 1n));
}

/** Opens the writing end of a pipe for the call of `use`. @returns Whether that was possible. */
function withWritingEnd(
  libc: PipeLibrary,
  descriptor: number,
  use: (writingEnd: number) => void,
): boolean {
  const end = open(libc, `/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK);
  if (end === -1) return false;
  use(end);
  libc.symbols.close(end);
  return true;
}

function isReadingEnd({ symbols: { fcntl } }: PipeLibrary, descriptor: number): boolean {
  return fcntl(descriptor, F_GETPIPE_SZ, 0) > 0 &&
    (fcntl(descriptor, F_GETFL, 0) & O_ACCMODE) === O_RDONLY;
}

/** Reads a symbolic link. For a pipe, its target is a unique name, such as `pipe:[4711]`. */
function readLink({ symbols: { readlink } }: PipeLibrary, path: string): string | undefined {
  const target = new Uint8Array(256);
  const length = readlink(encodePath(path), target, BigInt(target.length));
  return length > 0 ? new TextDecoder().decode(target.subarray(0, length)) : undefined;
}

/** Opens a file. @returns Its descriptor, or -1. */
function open({ symbols }: PipeLibrary, path: string, flags: number): number {
  return symbols.open(encodePath(path), flags | O_CLOEXEC);
}

function encodePath(path: string): Bytes {
  return new TextEncoder().encode(`${path}\0`);
}
