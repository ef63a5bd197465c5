import type { Bytes } from "../bytes.ts";

/**
 * Size of a piece that is sent through the socket pair, in bytes. Its blocks then begin and end with
 * pages of memory, so that 64 KiB of it fit into a packet of loopback TCP. With other sizes, the
 * number of pages limits a packet to fewer bytes. More than the limit of the send queue then stays
 * unsent, and the kernel wakes this process once more for each viewer and frame.
 */
const PIECE = 32_768;
/** Maximum number of rounds in which bytes move through the socket pair. */
const MAX_ROUNDS = 64;
/** Requested size of the send buffer of the socket pair, in bytes. The kernel may allow less. */
const SEND_BUFFER = 1_048_576;

// Constants of Linux, the same on all architectures that Deno supports.
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const O_WRONLY = 1;
const O_NONBLOCK = 0o4000; // also SOCK_NONBLOCK
const O_CLOEXEC = 0o2000000; // also SOCK_CLOEXEC
const F_SETPIPE_SZ = 1031;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const SPLICE_F_NONBLOCK = 2;

/** `/dev/null` as a C string. */
const DEV_NULL = new TextEncoder().encode("/dev/null\0");

/**
 * Functions of the C library that {@link Pipes} calls. A `usize` is passed as a `bigint`: with a
 * `number`, Deno takes 200 ns more for a call.
 */
export const PIPE_FUNCTIONS = {
  close: { parameters: ["i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  splice: { parameters: ["i32", "pointer", "i32", "pointer", "usize", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
} as const;

type Functions = Deno.DynamicLibrary<typeof PIPE_FUNCTIONS>["symbols"];

/** A pipe: the descriptors of its ends, and its capacity in bytes. */
export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
  readonly capacity: number;
}

/**
 * Opens pipes, and fills them with bytes. Linux only.
 *
 * A pipe that is filled by write(2) holds pages of 4 KiB, and each socket that gets them pays for
 * every page. Bytes that come from a UNIX socket are in blocks of up to 32 KiB instead, so they are
 * sent to a socket of a pair first, and moved from the other one to the pipe.
 */
export class Pipes {
  readonly #functions: Functions;
  /** An empty pipe. */
  #spare: Pipe | undefined;
  /** A pair of connected UNIX sockets; undefined before the first use. */
  #pair: { readonly input: number; readonly output: number } | undefined;
  /** False after the pair has failed, until {@link clear}. */
  #pairWorks = true;
  /** Descriptor of `/dev/null`; undefined before the first use, negative if it cannot be opened. */
  #null: number | undefined;

  constructor(functions: Functions) {
    this.#functions = functions;
  }

  /**
   * Opens an empty pipe.
   *
   * @returns Undefined if the kernel refuses the capacity: users may have up to 1 MiB.
   */
  open(capacity: number): Pipe | undefined {
    const { pipe2, fcntl } = this.#functions;
    const ends = new Int32Array(2);
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) !== 0) return undefined;
    const [readEnd, writeEnd] = [ends[0]!, ends[1]!];
    // The kernel rounds the capacity up to a power of two.
    const pipe = { readEnd, writeEnd, capacity: fcntl(writeEnd, F_SETPIPE_SZ, capacity) };
    if (pipe.capacity >= capacity) return pipe;
    this.close(pipe);
  }

  /** Closes a pipe. The kernel keeps the bytes that it has passed on to sockets. */
  close(pipe: Pipe): void {
    this.#functions.close(pipe.readEnd);
    this.#functions.close(pipe.writeEnd);
  }

  /**
   * Copies bytes to a pipe.
   *
   * @returns Undefined if there is no pipe that can hold them.
   */
  fill(bytes: Bytes): Pipe | undefined {
    let pipe = this.#take(bytes.length);
    if (!pipe) return undefined;
    if (this.#openPair()) {
      if (this.#move(bytes, pipe)) return pipe;
      // The pair and the pipe hold a part of the bytes.
      this.#closePair();
      this.#pairWorks = false;
      this.close(pipe);
      pipe = this.open(bytes.length);
      if (!pipe) return undefined;
    }
    const { write } = this.#functions;
    if (write(pipe.writeEnd, bytes, BigInt(bytes.length)) === bytes.length) return pipe;
    this.close(pipe);
  }

  /** Empties a pipe that holds `length` bytes, and keeps it for {@link fill}. */
  release(pipe: Pipe, length: number): void {
    if (this.#spare || !this.empty(pipe, length)) return this.close(pipe);
    this.#spare = pipe;
  }

  /**
   * Discards the bytes in a pipe, of which there are `length`.
   *
   * @returns Whether the pipe is empty now.
   */
  empty(pipe: Pipe, length: number): boolean {
    const { open, splice } = this.#functions;
    this.#null ??= open(DEV_NULL, O_WRONLY | O_CLOEXEC);
    if (this.#null < 0) return false;
    const size = BigInt(length);
    return splice(pipe.readEnd, null, this.#null, null, size, SPLICE_F_NONBLOCK) === length;
  }

  /** Closes all descriptors except those of pipes in use. */
  clear(): void {
    if (this.#spare) this.close(this.#spare);
    this.#spare = undefined;
    this.#closePair();
    this.#pairWorks = true;
    if (this.#null !== undefined && this.#null >= 0) this.#functions.close(this.#null);
    this.#null = undefined;
  }

  /** @returns An empty pipe: the spare one if it is large enough. */
  #take(capacity: number): Pipe | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare && spare.capacity >= capacity) return spare;
    if (spare) this.close(spare);
    return this.open(capacity);
  }

  /** Moves bytes through the pair. @returns Whether all of them are in the pipe. */
  #move(bytes: Bytes, pipe: Pipe): boolean {
    const { send, splice } = this.#functions;
    const { input, output } = this.#pair!;
    let sent = 0;
    let moved = 0;
    for (let round = 0; round < MAX_ROUNDS && moved < bytes.length; round++) {
      if (sent < bytes.length) {
        const rest = sent === 0 ? bytes : bytes.subarray(sent);
        const length = BigInt(Math.min(rest.length, PIECE));
        const count = send(input, rest, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += Math.max(0, count);
      }
      const size = BigInt(sent - moved);
      const count = splice(output, null, pipe.writeEnd, null, size, SPLICE_F_NONBLOCK);
      if (count <= 0) return false;
      moved += count;
    }
    return moved === bytes.length;
  }

  #openPair(): boolean {
    if (this.#pair || !this.#pairWorks) return this.#pairWorks;
    const { socketpair, setsockopt } = this.#functions;
    const ends = new Int32Array(2);
    this.#pairWorks = socketpair(AF_UNIX, SOCK_STREAM | O_NONBLOCK | O_CLOEXEC, 0, ends) === 0;
    if (!this.#pairWorks) return false;
    const [input, output] = [ends[0]!, ends[1]!];
    // With a smaller buffer, bytes move in several rounds.
    setsockopt(input, SOL_SOCKET, SO_SNDBUF, Int32Array.of(SEND_BUFFER), 4);
    this.#pair = { input, output };
    return true;
  }

  #closePair(): void {
    if (!this.#pair) return;
    this.#functions.close(this.#pair.input);
    this.#functions.close(this.#pair.output);
    this.#pair = undefined;
  }
}
