import type { Bytes } from "../bytes.ts";
import {
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  type Pipe,
  PIPE_FUNCTIONS,
  Pipes,
  SPLICE_F_NONBLOCK,
} from "./pipes.ts";

/**
 * Minimum number of receivers to send with tee(2) and splice(2), without a copy for each receiver.
 * Below it, copies are not dearer than filling the pipe: at 10 both cost the same, at 20 copies cost
 * 12 % more.
 */
const MIN_RECEIVERS = 12;
/** Minimum size to be cached, in bytes. A copy of fewer bytes is cheaper than two system calls. */
const MIN_BYTES = 65_536;
/** Number of cached frames: sends alternate between cameras and between multipart formats. */
const CACHE_SIZE = 4;

/** Functions of the C library that {@link ZeroCopySender} calls. */
export const SEND_FUNCTIONS = {
  ...PIPE_FUNCTIONS,
  tee: { parameters: ["i32", "i32", "usize", "u32"], result: "i32" },
} as const;

type Functions = Deno.DynamicLibrary<typeof SEND_FUNCTIONS>["symbols"];

/** Bytes that are sent to several sockets. */
interface CacheEntry {
  readonly bytes: Bytes;
  /** The length for the C library. */
  readonly length: bigint;
  /** The first socket that they are sent to. */
  readonly firstSocket: number;
  /** Number of the send before which they are copied to a pipe. */
  readonly fillAt: number;
  /** Number of sends so far. */
  sends: number;
  /** A pipe that holds the bytes; undefined for few receivers, or if no pipe can hold them. */
  pipe: Pipe | undefined;
}

/**
 * Sends the same bytes to many sockets. A copy into the kernel for each socket would be the largest
 * part of the cost of sending. So the bytes are copied into a pipe once, before the first send if the
 * previous frame of the stream had enough receivers. Then, for each socket, tee(2) makes a staging
 * pipe refer to the same pages of memory, and splice(2) moves these references to the socket.
 */
export class ZeroCopySender {
  readonly #functions: Functions;
  readonly #pipes: Pipes;
  /** The newest entry first. */
  #cache: CacheEntry[] = [];
  /** The pipe between a cached pipe and the socket: splice(2) empties the pipe that it reads. */
  #staging: Pipe | undefined;
  /** False after tee(2) has failed: some containers do not allow it. */
  #teeWorks = true;

  constructor(functions: Functions) {
    this.#functions = functions;
    this.#pipes = new Pipes(functions);
  }

  /**
   * Sends as many bytes as the socket accepts at once.
   *
   * @param bytes Must not change any more, and must be the same object for all receivers.
   * @returns Number of bytes sent, from the first on; negative if the socket accepts nothing.
   */
  send(socket: number, bytes: Bytes): number {
    if (bytes.length < MIN_BYTES) return this.#sendCopy(socket, bytes, BigInt(bytes.length));
    const entry = this.#lookUp(bytes) ?? this.#add(bytes, socket);
    if (++entry.sends === entry.fillAt && this.#teeWorks) entry.pipe = this.#pipes.fill(bytes);
    return entry.pipe && this.#sendFromPipe(entry.pipe, socket, entry) ||
      this.#sendCopy(socket, bytes, entry.length);
  }

  /** Empties the cache and closes all pipes. The kernel keeps pages that it has not sent yet. */
  clear(): void {
    for (const { pipe } of this.#cache) if (pipe) this.#pipes.close(pipe);
    this.#cache = [];
    this.#closeStaging();
    this.#pipes.clear();
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
    const result = splice(staging.readEnd, null, socket, null, length, SPLICE_F_NONBLOCK);
    const sent = Math.max(0, result);
    const rest = bytes.length - sent;
    if (rest > 0 && !this.#pipes.empty(staging, rest)) this.#closeStaging();
    return sent;
  }

  #lookUp(bytes: Bytes): CacheEntry | undefined {
    const newest = this.#cache[0];
    return newest?.bytes === bytes ? newest : this.#cache.find((entry) => entry.bytes === bytes);
  }

  #add(bytes: Bytes, firstSocket: number): CacheEntry {
    // The frame before it in the same stream, as the order of the receivers does not change.
    const previous = this.#cache.find((entry) => entry.firstSocket === firstSocket);
    const entry = {
      bytes,
      length: BigInt(bytes.length),
      firstSocket,
      fillAt: previous && previous.sends >= MIN_RECEIVERS ? 1 : MIN_RECEIVERS,
      sends: 0,
      pipe: undefined,
    };
    if (this.#cache.unshift(entry) > CACHE_SIZE) {
      const { bytes, pipe } = this.#cache.pop()!;
      if (pipe) this.#pipes.release(pipe, bytes.length);
    }
    return entry;
  }

  /** @returns The staging pipe, replaced if it is too small; undefined if the kernel refuses it. */
  #openStaging(capacity: number): Pipe | undefined {
    if (this.#staging && this.#staging.capacity < capacity) this.#closeStaging();
    return this.#staging ??= this.#pipes.open(capacity);
  }

  #closeStaging(): void {
    if (this.#staging) this.#pipes.close(this.#staging);
    this.#staging = undefined;
  }
}
