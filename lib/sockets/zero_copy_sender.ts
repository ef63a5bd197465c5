import type { Bytes } from "../bytes.ts";

/**
 * Minimum number of receivers to send with tee(2) and splice(2), without a copy for each receiver.
 */
const MIN_RECEIVERS = 8;
/** Minimum size to be cached, in bytes. Fewer bytes are always copied. */
const MIN_BYTES = 16_384;
/** Number of cached frames: sends alternate between cameras and between multipart formats. */
const CACHE_SIZE = 4;

// Constants of Linux, the same on all architectures that Deno supports.
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const F_SETPIPE_SZ = 1031;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const SPLICE_F_NONBLOCK = 2;

/** Functions of the C library that {@link ZeroCopySender} calls. */
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

/** A pipe: the descriptors of its ends, and its capacity in bytes. */
interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
  readonly capacity: number;
}

/** Bytes that are sent to several sockets. */
interface CacheEntry {
  readonly bytes: Bytes;
  /** The length for the C library. */
  readonly length: bigint;
  /** Number of sends so far. */
  sends: number;
  /** A pipe that holds the bytes; undefined for few receivers, or if no pipe can hold them. */
  pipe: Pipe | undefined;
}

/**
 * Sends the same bytes to many sockets. A copy into the kernel for each socket would be the largest
 * part of the cost of sending. So the bytes are copied into a pipe once. Then, for each socket,
 * tee(2) makes a staging pipe refer to the same pages of memory, and splice(2) moves these
 * references to the socket.
 */
export class ZeroCopySender {
  readonly #functions: Functions;
  /** The newest entry first. */
  #cache: CacheEntry[] = [];
  /** The pipe between a cached pipe and the socket: splice(2) empties the pipe that it reads. */
  #staging: Pipe | undefined;
  /** False after tee(2) has failed: some containers do not allow it. */
  #teeWorks = true;

  constructor(functions: Functions) {
    this.#functions = functions;
  }

  /**
   * Sends as many bytes as the socket accepts at once.
   *
   * @param bytes Must not change any more, and must be the same object for all receivers.
   * @returns Number of bytes sent, from the first on; negative if the socket accepts nothing.
   */
  send(socket: number, bytes: Bytes): number {
    if (bytes.length < MIN_BYTES) return this.#sendCopy(socket, bytes, BigInt(bytes.length));
    const entry = this.#lookUp(bytes);
    entry.sends++;
    if (entry.sends === MIN_RECEIVERS && this.#teeWorks) entry.pipe = this.#fillPipe(entry);
    return entry.pipe && this.#sendFromPipe(entry.pipe, socket, entry) ||
      this.#sendCopy(socket, bytes, entry.length);
  }

  /** Empties the cache and closes all pipes. The kernel keeps pages that it has not sent yet. */
  clear(): void {
    for (const { pipe } of this.#cache) this.#closePipe(pipe);
    this.#cache = [];
    this.#closeStaging();
  }

  #sendCopy(socket: number, bytes: Bytes, length: bigint): number {
    return this.#functions.send(socket, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  /**
   * Sends the content of a pipe, which stays in it.
   *
   * @returns Number of bytes sent; 0 if that failed.
   */
  #sendFromPipe(pipe: Pipe, socket: number, { bytes, length }: CacheEntry): number {
    const { tee, splice } = this.#functions;
    const staging = this.#openStaging(pipe.capacity);
    if (!staging) return 0;
    if (tee(pipe.readEnd, staging.writeEnd, length, SPLICE_F_NONBLOCK) !== bytes.length) {
      this.#teeWorks = false;
      this.clear();
      return 0;
    }
    const sent = splice(staging.readEnd, null, socket, null, length, SPLICE_F_NONBLOCK);
    if (sent !== bytes.length) this.#closeStaging(); // it still holds the rest
    return Math.max(0, sent);
  }

  #lookUp(bytes: Bytes): CacheEntry {
    const newest = this.#cache[0];
    if (newest?.bytes === bytes) return newest;
    let entry = this.#cache.find((entry) => entry.bytes === bytes);
    if (!entry) {
      entry = { bytes, length: BigInt(bytes.length), sends: 0, pipe: undefined };
      if (this.#cache.unshift(entry) > CACHE_SIZE) this.#closePipe(this.#cache.pop()!.pipe);
    }
    return entry;
  }

  /**
   * Copies the bytes into a new pipe.
   *
   * @returns Undefined if there is no pipe that can hold them.
   */
  #fillPipe({ bytes, length }: CacheEntry): Pipe | undefined {
    const pipe = this.#openPipe(bytes.length);
    if (!pipe || this.#functions.write(pipe.writeEnd, bytes, length) === bytes.length) return pipe;
    this.#closePipe(pipe);
  }

  /**
   * Opens a pipe.
   *
   * @returns Undefined if the kernel refuses the capacity: users may have up to 1 MiB.
   */
  #openPipe(capacity: number): Pipe | undefined {
    const { pipe2, fcntl } = this.#functions;
    const ends = new Int32Array(2);
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) !== 0) return undefined;
    const [readEnd, writeEnd] = [ends[0]!, ends[1]!];
    // The kernel rounds the capacity up to a power of two.
    const pipe = { readEnd, writeEnd, capacity: fcntl(writeEnd, F_SETPIPE_SZ, capacity) };
    if (pipe.capacity >= capacity) return pipe;
    this.#closePipe(pipe);
  }

  #closePipe(pipe: Pipe | undefined): void {
    if (!pipe) return;
    this.#functions.close(pipe.readEnd);
    this.#functions.close(pipe.writeEnd);
  }

  /** @returns The staging pipe, replaced if it is too small; undefined if the kernel refuses it. */
  #openStaging(capacity: number): Pipe | undefined {
    if (this.#staging && this.#staging.capacity < capacity) this.#closeStaging();
    return this.#staging ??= this.#openPipe(capacity);
  }

  #closeStaging(): void {
    this.#closePipe(this.#staging);
    this.#staging = undefined;
  }
}
