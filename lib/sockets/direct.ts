import { int, NAMES, portOf, socketsAt } from "./descriptors.ts";
import { LINUX_LIBRARIES, openLibrary } from "./library.ts";

/** What goes to so many viewers is put into a pipe, from which the kernel sends it without a copy. */
const SHARED_BY = 8;
/** From so many bytes on. */
const WORTHWHILE = 16_384;
/** Of so many frames that is remembered: cameras, and ways to write a frame, take turns. */
const REMEMBERED = 4;
/** How often the end of a response's head is looked for, and how long it is waited for, in milliseconds. */
const LOOK = 1;
const PATIENCE = 200;

// Linux' numbers; the same on all its machines that Deno runs on.
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const F_DUPFD_CLOEXEC = 1030;
const F_SETPIPE_SZ = 1031;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const SPLICE_F_NONBLOCK = 2;
/** Where in `struct tcp_info` what we want to know is: since version 4.19 of the kernel. */
const INFO = { unsent: 144, sent: 200, sentAgain: 208, size: 216 };

const FUNCTIONS = {
  ...NAMES,
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  tee: { parameters: ["i32", "i32", "usize", "u32"], result: "i32" },
  splice: { parameters: ["i32", "pointer", "i32", "pointer", "usize", "u32"], result: "i32" },
} as const;

type Library = Deno.DynamicLibrary<typeof FUNCTIONS>;
type Bytes = Uint8Array<ArrayBuffer>;

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
  users: number;
  pipe: Pipe | undefined;
}

/**
 * Sends on connections that `Deno.serve` has accepted at a port, by a call of the kernel and without Deno:
 * a frame costs each viewer one call then, and no copy where there are many viewers. What the kernel does
 * not take at once is left to Deno, which alone waits, reads, and sees who has gone. For Linux only.
 */
export class DirectSending implements Disposable {
  readonly #library: Library;
  readonly #port: number;
  /** Descriptors of ours. */
  readonly #own = new Set<number>();
  #shared: Shared[] = [];
  /** What bytes go through on their way from a pipe to a connection; empty in between. */
  #passage: Pipe | undefined;

  private constructor(library: Library, port: number) {
    this.#library = library;
    this.#port = port;
  }

  /** @returns It for the connections of `port`, or why it cannot be had. */
  static of(port: number): DirectSending | string {
    if (Deno.build.os !== "linux") return "this is done on Linux only";
    const library = openLibrary(LINUX_LIBRARIES, FUNCTIONS);
    return typeof library === "string" ? library : new DirectSending(library, port);
  }

  /**
   * The connection of a client, for the one response that begins now and is not sent in chunks.
   *
   * @param port The client's.
   * @param http1 Whether it surely speaks HTTP/1. If not, it is believed only of a connection on which
   * nothing was sent yet: with HTTP/2 a server begins, and streams share a connection.
   * @returns Undefined if it cannot be told which connection that is, or what is sent on it.
   */
  to(port: number, http1: boolean): DirectConnection | undefined {
    const { getsockname, getpeername, fcntl, close } = this.#library.symbols;
    const found = [...socketsAt(this.#port, getsockname)]
      .filter((socket) => !this.#own.has(socket) && portOf(socket, getpeername) === port);
    if (found.length !== 1) return undefined; // two clients behind two addresses
    // A descriptor of our own: Deno's may be another connection's by the time we hear of its end.
    const own = fcntl(found[0]!, F_DUPFD_CLOEXEC, 0);
    if (own < 0) return undefined;
    const before = this.#written(own);
    if (before === undefined || before > 0 && !http1) {
      close(own);
      return undefined;
    }
    this.#own.add(own);
    return new DirectConnection(before, {
      written: () => this.#written(own),
      send: (bytes) => this.#send(own, bytes),
      close: () => this.#close(own),
    });
  }

  /** All connections are closed by then. */
  [Symbol.dispose](): void {
    this.#library.close();
  }

  /** How much was ever written to a connection, modulo 2 ** 32; undefined if the kernel does not tell. */
  #written(socket: number): number | undefined {
    const info = new DataView(new ArrayBuffer(INFO.size));
    const size = int(INFO.size);
    const into = new Uint8Array(info.buffer);
    const { getsockopt } = this.#library.symbols;
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, into, size) !== 0) return undefined;
    if (size[0]! < INFO.size) return undefined;
    const [sent, again, unsent] = [INFO.sent, INFO.sentAgain, INFO.unsent]
      .map((at) => info.getUint32(at, true)) as [number, number, number];
    return (sent - again + unsent) >>> 0;
  }

  /** @returns How many of the bytes the kernel has taken; below 0 if it takes none now, or never again. */
  #send(socket: number, bytes: Bytes): number {
    const { pipe, length } = this.#share(bytes);
    if (pipe) return this.#sendFrom(pipe, socket, length);
    return this.#library.symbols.send(socket, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  /** Sends what is in a pipe, and leaves it there. Both are the same memory, which nobody writes to. */
  #sendFrom({ out, size }: Pipe, socket: number, length: bigint): number {
    const { tee, splice } = this.#library.symbols;
    if (this.#passage && this.#passage.size < size) this.#closePassage();
    const passage = this.#passage ??= this.#openPipe(size);
    if (!passage) return -1;
    const given = tee(out, passage.in, length, SPLICE_F_NONBLOCK);
    const taken = splice(passage.out, null, socket, null, length, SPLICE_F_NONBLOCK);
    if (taken !== given) this.#closePassage(); // with the rest in it
    return taken;
  }

  /** Counts one more who is sent these bytes, and puts them into a pipe if it is worth it. */
  #share(bytes: Bytes): Shared {
    const newest = this.#shared[0];
    if (newest?.bytes === bytes) return this.#count(newest);
    let shared = this.#shared.find((one) => one.bytes === bytes);
    if (!shared) {
      shared = { bytes, length: BigInt(bytes.length), users: 0, pipe: undefined };
      if (this.#shared.unshift(shared) > REMEMBERED) this.#closePipe(this.#shared.pop()!.pipe);
    }
    return this.#count(shared);
  }

  #count(shared: Shared): Shared {
    if (++shared.users === SHARED_BY && shared.bytes.length >= WORTHWHILE) {
      shared.pipe = this.#filledPipe(shared);
    }
    return shared;
  }

  /** @returns Undefined if there is no room for so much. */
  #filledPipe({ bytes, length }: Shared): Pipe | undefined {
    const pipe = this.#openPipe(bytes.length);
    if (!pipe || this.#library.symbols.write(pipe.in, bytes, length) === bytes.length) return pipe;
    this.#closePipe(pipe);
  }

  /** @returns Undefined if the kernel gives no pipe of such a size: 1 MiB is what all may have. */
  #openPipe(size: number): Pipe | undefined {
    const { pipe2, fcntl } = this.#library.symbols;
    const ends = new Int32Array(2);
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) !== 0) return undefined;
    const pipe = { out: ends[0]!, in: ends[1]!, size: fcntl(ends[1]!, F_SETPIPE_SZ, size) };
    if (pipe.size >= size) return pipe;
    this.#closePipe(pipe);
  }

  /** What the kernel has not sent yet, it keeps by itself. */
  #closePipe(pipe: Pipe | undefined): void {
    if (!pipe) return;
    this.#library.symbols.close(pipe.out);
    this.#library.symbols.close(pipe.in);
  }

  #closePassage(): void {
    this.#closePipe(this.#passage);
    this.#passage = undefined;
  }

  #close(own: number): void {
    this.#own.delete(own);
    this.#library.symbols.close(own);
    if (this.#own.size > 0) return;
    for (const { pipe } of this.#shared) this.#closePipe(pipe);
    this.#shared = [];
    this.#closePassage();
  }
}

/** What a connection asks of the kernel. */
interface Kernel {
  written(): number | undefined;
  send(bytes: Bytes): number;
  close(): void;
}

/**
 * A connection on which Deno has the first word, the response's head, and sends what it is given. In
 * between, when the kernel's count of the bytes says that Deno has sent all that it has, we do.
 */
export class DirectConnection {
  readonly #before: number;
  readonly #kernel: Kernel;
  /** What the count is when Deno has sent all; not known before the head is sent, whose size Deno knows. */
  #due: number | undefined;
  /** Whether Deno may have something to send. */
  #behind = true;
  #closed = false;

  constructor(before: number, kernel: Kernel) {
    this.#before = before;
    this.#kernel = kernel;
  }

  /** Waits until Deno has sent the head. It has been given nothing else to send before. */
  async begun(): Promise<void> {
    for (let waited = 0; !this.#isClear() && waited < PATIENCE; waited += LOOK) {
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
  }

  /** @returns How many of the bytes are sent: those from the beginning on that can be sent at once. */
  send(bytes: Bytes): number {
    if (!this.#isClear()) return 0;
    const count = Math.max(0, this.#kernel.send(bytes));
    this.#due = (this.#due! + count) >>> 0;
    return count;
  }

  /** Deno is given so many bytes to send. */
  leave(count: number): void {
    if (this.#due !== undefined) this.#due = (this.#due + count) >>> 0;
    this.#behind = true;
  }

  /** The response has ended. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#kernel.close();
  }

  /** Whether Deno has nothing to send. */
  #isClear(): boolean {
    if (this.#closed) return false;
    if (!this.#behind) return true;
    const written = this.#kernel.written();
    if (written === undefined) return false;
    // The head is so short that it is written at once.
    if (this.#due === undefined && written !== this.#before) this.#due = written;
    this.#behind = written !== this.#due;
    return !this.#behind;
  }
}
