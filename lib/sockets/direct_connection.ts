import type { Bytes } from "../bytes.ts";
import { ADDRESS_FUNCTIONS, findSockets, intPointer, peerOf } from "./descriptors.ts";
import { LINUX_LIBRARIES, openLibrary } from "../libc.ts";
import { SEND_FUNCTIONS, ZeroCopySender } from "./zero_copy_sender.ts";

/** How often the head of a response is looked for, and how long it is waited for, in milliseconds. */
const HEADER_POLL_INTERVAL = 1;
const HEADER_TIMEOUT = 200;
/** How often it is looked whether Deno has sent what it was given, besides at each frame, in milliseconds. */
const DRAIN_POLL_INTERVAL = 50;

// Linux' numbers; the same on all its machines that Deno runs on.
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const F_DUPFD_CLOEXEC = 1030;
const RLIMIT_NOFILE = 7;
/** Where in `struct tcp_info` what we want to know is: since version 4.19 of the kernel. */
const INFO = { unsent: 144, sent: 200, sentAgain: 208, size: 216 };

const FUNCTIONS = {
  ...ADDRESS_FUNCTIONS,
  ...SEND_FUNCTIONS,
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
} as const;

type Library = Deno.DynamicLibrary<typeof FUNCTIONS>;

/**
 * Sends on connections that `Deno.serve` has accepted at a port, by a call of the kernel and without Deno:
 * a frame costs each viewer one call then, and no copy where there are many viewers. What the kernel does
 * not take at once is left to Deno, which alone waits, reads, and sees who has gone. For Linux only.
 */
export class DirectSends implements Disposable {
  readonly #library: Library;
  readonly #port: number;
  readonly #sender: ZeroCopySender;
  readonly #info = new DataView(new ArrayBuffer(INFO.size));
  /** From this number on descriptors are for Deno alone: it takes no more connections when none is left. */
  readonly #limit: number;
  #open = 0;
  /** Whom to tell when Deno has sent all on a connection. */
  readonly #waiting = new Map<DirectConnection, () => void>();
  #timer: ReturnType<typeof setInterval> | undefined;

  private constructor(library: Library, port: number) {
    this.#library = library;
    this.#port = port;
    this.#sender = new ZeroCopySender(library.symbols);
    const limits = new BigUint64Array(2);
    library.symbols.getrlimit(RLIMIT_NOFILE, limits);
    this.#limit = Number(limits[0]) / 2;
  }

  /** @returns It for the connections of `port`, or why it cannot be had. */
  static of(port: number): DirectSends | string {
    if (Deno.build.os !== "linux") return "this is done on Linux only";
    const library = openLibrary(LINUX_LIBRARIES, FUNCTIONS);
    return typeof library === "string" ? library : new DirectSends(library, port);
  }

  /**
   * The connection of a client, for the one response that begins now and is not sent in chunks.
   *
   * @param http1 Whether the client surely speaks HTTP/1. If not, it is believed only of a connection on
   * which nothing was sent yet: with HTTP/2 a server begins, and streams share a connection.
   * @returns Undefined if it cannot be told which connection that is, or what is sent on it.
   */
  open(client: Deno.NetAddr, http1: boolean): DirectConnection | undefined {
    const { getsockname, getpeername, fcntl, close } = this.#library.symbols;
    const found = [...findSockets(this.#port, getsockname)]
      .filter((socket) => isSame(peerOf(socket, getpeername), client));
    // Another one may be of a viewer that has just left and whose descriptor, a second one, is still ours.
    if (found.length !== 1) return undefined;
    // A descriptor of our own: Deno's may be another connection's by the time we hear of its end.
    const own = fcntl(found[0]!, F_DUPFD_CLOEXEC, 0);
    const before = own < 0 || own >= this.#limit ? undefined : this.#read(own);
    // What is not sent yet is of another response.
    if (!before || before.unsent > 0 || before.taken > 0 && !http1) {
      if (own >= 0) close(own);
      return undefined;
    }
    this.#open++;
    const connection = new DirectConnection(before.taken, {
      bytesAccepted: () => this.#read(own)?.taken,
      send: (bytes) => this.#sender.send(own, bytes),
      watch: (call) => this.#watch(connection, call),
      close: () => this.#close(connection, own),
    });
    return connection;
  }

  /** All connections are closed by then. */
  [Symbol.dispose](): void {
    this.#library.close();
  }

  /**
   * How many bytes the kernel has ever taken for a connection, modulo 2 ** 32, and how many of them it has
   * not sent yet; undefined if it does not tell.
   */
  #read(socket: number): { taken: number; unsent: number } | undefined {
    const info = this.#info;
    const size = intPointer(INFO.size);
    const { getsockopt } = this.#library.symbols;
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, info, size) !== 0) return undefined;
    if (size[0]! < INFO.size) return undefined;
    const unsent = info.getUint32(INFO.unsent, true);
    const sent = info.getUint32(INFO.sent, true) - info.getUint32(INFO.sentAgain, true);
    return { taken: (sent + unsent) >>> 0, unsent };
  }

  /** One timer serves all connections, and there is none while Deno has sent all. */
  #watch(connection: DirectConnection, call: () => void): void {
    this.#waiting.set(connection, call);
    this.#timer ??= setInterval(() => {
      for (const [one, call] of this.#waiting) {
        if (!one.drained) continue;
        this.#forget(one);
        call();
      }
    }, DRAIN_POLL_INTERVAL);
  }

  #forget(connection: DirectConnection): void {
    this.#waiting.delete(connection);
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #close(connection: DirectConnection, own: number): void {
    this.#forget(connection);
    this.#library.symbols.close(own);
    if (--this.#open === 0) this.#sender.clear();
  }
}

function isSame(one: Peer | undefined, { hostname, port }: Deno.NetAddr): boolean {
  return one?.port === port && one.hostname === canonical(hostname);
}

type Peer = NonNullable<ReturnType<typeof peerOf>>;

/** An IPv6 address may be written in several ways. */
function canonical(hostname: string): string {
  return hostname.includes(":") ? URL.parse(`http://[${hostname}]`)?.hostname ?? "" : hostname;
}

/** What a connection asks of the kernel. */
interface Kernel {
  bytesAccepted(): number | undefined;
  send(bytes: Bytes): number;
  /** Calls back, once, when the connection is free. */
  watch(call: () => void): void;
  close(): void;
}

/**
 * A connection on which Deno has the first word, the response's head, and sends what it is given. In
 * between, when the kernel's count of the bytes says that Deno has sent all that it has, we do.
 */
export class DirectConnection {
  readonly #before: number;
  readonly #kernel: Kernel;
  /** What the count is when Deno has sent all; undefined when it has, and before the head. */
  #due: number | undefined;
  #state: "waiting" | "open" | "closed" = "waiting";

  constructor(before: number, kernel: Kernel) {
    this.#before = before;
    this.#kernel = kernel;
  }

  /** Waits until Deno has sent the head. It has been given nothing else to send before. */
  async headersSent(): Promise<void> {
    for (
      let waited = 0;
      this.#state === "waiting" && waited < HEADER_TIMEOUT;
      waited += HEADER_POLL_INTERVAL
    ) {
      // The head is short, and nothing was in front of it: it is written at once.
      if (this.#kernel.bytesAccepted() !== this.#before) this.#state = "open";
      else await new Promise((resolve) => setTimeout(resolve, HEADER_POLL_INTERVAL));
    }
    if (this.#state === "waiting") this.close(); // this response is Deno's alone
  }

  /** Whether Deno has sent all that it was given; always, if the response is Deno's alone. */
  get drained(): boolean {
    if (this.#due === undefined || this.#state === "closed") return true;
    if (this.#due !== this.#kernel.bytesAccepted()) return false;
    this.#due = undefined;
    return true;
  }

  /** Calls back, once, when it is free. */
  onDrain(call: () => void): void {
    this.#kernel.watch(call);
  }

  /** @returns How many of the bytes are sent: those from the first on that can be sent at once. */
  send(bytes: Bytes): number {
    return this.#state === "open" && this.drained ? Math.max(0, this.#kernel.send(bytes)) : 0;
  }

  /** Deno is given so many bytes to send. */
  queued(count: number): void {
    if (this.#state !== "open") return this.close();
    const before = this.#due ?? this.#kernel.bytesAccepted();
    if (before === undefined) return this.close();
    this.#due = (before + count) >>> 0;
  }

  /** The response has ended, or is left to Deno for good. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#kernel.close();
  }
}
