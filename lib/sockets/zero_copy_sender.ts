import type { Bytes } from "../bytes.ts";

/** What goes to so many is put into a pipe, from which the kernel sends it without a copy. */
const MIN_RECEIVERS = 8;
/** From so many bytes on; less is not remembered. */
const MIN_BYTES = 16_384;
/** So many frames are remembered: cameras, and ways to write a frame, take turns. */
const CACHE_SIZE = 4;

// Linux' numbers; the same on all its machines that Deno runs on.
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const F_SETPIPE_SZ = 1031;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const SPLICE_F_NONBLOCK = 2;

/** What it needs of the C library. */
export const SEND_FUNCTIONS = {
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  tee: { parameters: ["i32", "i32", "usize", "u32"], result: "i32" },
  splice: { parameters: ["i32", "pointer", "i32", "pointer", "usize", "u32"], result: "i32" },
} as const;

type Functions = Deno.DynamicLibrary<typeof SEND_FUNCTIONS>["symbols"];

/** The descriptors of a pipe, and how much it can hold. */
interface Pipe {
  readonly out: number;
  readonly in: number;
  readonly size: number;
}

/** Bytes that are sent to several, and the pipe that they are in once these are many. */
interface Shared {
  readonly bytes: Bytes;
  readonly length: bigint;
  /** How often they were sent. */
  times: number;
  pipe: Pipe | undefined;
}

/**
 * Sends the same bytes to any number of sockets. From the eighth on they are in a pipe, and all sockets are
 * given the same memory of the kernel; a copy for each is what sending costs most.
 */
export class ZeroCopySender {
  readonly #functions: Functions;
  /** The newest first. */
  #shared: Shared[] = [];
  /** What bytes go through on their way from a pipe to a socket; empty in between. */
  #staging: Pipe | undefined;
  /** Whether bytes have gone that way, as far as it was tried: some containers do not let them. */
  #canShare = true;

  constructor(functions: Functions) {
    this.#functions = functions;
  }

  /**
   * Sends what the socket takes at once.
   *
   * @param bytes Nobody writes to them any more, and for all who get the same it is the same object.
   * @returns How many those are, from the first on; below 0 if it takes none now, or never again.
   */
  send(socket: number, bytes: Bytes): number {
    if (bytes.length < MIN_BYTES) return this.#sendAlone(socket, bytes, BigInt(bytes.length));
    const shared = this.#lookUp(bytes);
    shared.times++;
    if (shared.times === MIN_RECEIVERS && this.#canShare) shared.pipe = this.#filledPipe(shared);
    return shared.pipe && this.#sendFrom(shared.pipe, socket, shared) ||
      this.#sendAlone(socket, bytes, shared.length);
  }

  /** Forgets all bytes. What the kernel has not sent yet, it keeps by itself. */
  clear(): void {
    for (const { pipe } of this.#shared) this.#close(pipe);
    this.#shared = [];
    this.#closeStaging();
  }

  #sendAlone(socket: number, bytes: Bytes, length: bigint): number {
    return this.#functions.send(socket, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  /** Sends what is in a pipe, and leaves it there. @returns 0 if that went wrong. */
  #sendFrom({ out, size }: Pipe, socket: number, { bytes, length }: Shared): number {
    const { tee, splice } = this.#functions;
    if (this.#staging && this.#staging.size < size) this.#closeStaging();
    const passage = this.#staging ??= this.#open(size);
    if (!passage) return 0;
    if (tee(out, passage.in, length, SPLICE_F_NONBLOCK) !== bytes.length) {
      this.#canShare = false;
      this.clear();
      return 0;
    }
    const taken = splice(passage.out, null, socket, null, length, SPLICE_F_NONBLOCK);
    if (taken !== bytes.length) this.#closeStaging(); // with the rest in it
    return Math.max(0, taken);
  }

  #lookUp(bytes: Bytes): Shared {
    const newest = this.#shared[0];
    if (newest?.bytes === bytes) return newest;
    let shared = this.#shared.find((one) => one.bytes === bytes);
    if (!shared) {
      shared = { bytes, length: BigInt(bytes.length), times: 0, pipe: undefined };
      if (this.#shared.unshift(shared) > CACHE_SIZE) this.#close(this.#shared.pop()!.pipe);
    }
    return shared;
  }

  /** @returns Undefined if there is no room for so much. */
  #filledPipe({ bytes, length }: Shared): Pipe | undefined {
    const pipe = this.#open(bytes.length);
    if (!pipe || this.#functions.write(pipe.in, bytes, length) === bytes.length) return pipe;
    this.#close(pipe);
  }

  /** @returns Undefined if the kernel gives no pipe of such a size: 1 MiB is what all may have. */
  #open(size: number): Pipe | undefined {
    const { pipe2, fcntl } = this.#functions;
    const ends = new Int32Array(2);
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) !== 0) return undefined;
    const pipe = { out: ends[0]!, in: ends[1]!, size: fcntl(ends[1]!, F_SETPIPE_SZ, size) };
    if (pipe.size >= size) return pipe;
    this.#close(pipe);
  }

  #close(pipe: Pipe | undefined): void {
    if (!pipe) return;
    this.#functions.close(pipe.out);
    this.#functions.close(pipe.in);
  }

  #closeStaging(): void {
    this.#close(this.#staging);
    this.#staging = undefined;
  }
}
