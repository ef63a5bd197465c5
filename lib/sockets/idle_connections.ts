import { ADDRESS_FUNCTIONS, findSockets, intPointer } from "./descriptors.ts";
import { LINUX_LIBRARIES, openLibrary } from "../libc.ts";

/** How long nothing may move on a connection before it is closed, in milliseconds. */
export interface IdleTimeouts {
  /** From its begin until we have answered a first time: for the head of the request, mostly. */
  readonly headers: number;
  /** Afterwards: nothing of us was sent, or nothing of it acknowledged. */
  readonly idle: number;
}

/** A stream sends something every 5 s, and a WebSocket is asked for a sign of life every 30 s. */
const TIMEOUTS: IdleTimeouts = { headers: 30_000, idle: 120_000 };

// Linux' numbers; the same on all its machines that Deno runs on.
const SOL_SOCKET = 1;
const SO_LINGER = 13;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const ESTABLISHED = 1;
const CLOSE_WAIT = 8;
const SHUT_RDWR = 2;
/** Where in `struct tcp_info` what we want to know is: since version 4.1 of the kernel. */
const INFO = { state: 0, lastSent: 44, lastAcknowledged: 56, acknowledged: 120, size: 128 };

const FUNCTIONS = {
  ...ADDRESS_FUNCTIONS,
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
} as const;

/**
 * The connections that a port has accepted, to close those on which nothing moves any more: of clients
 * who send the head of a request for ever, say nothing, have stopped reading, or are gone without a word.
 *
 * `Deno.serve` keeps all of these for as long as the client likes, and has no call to end them. So this asks
 * the C library, and the kernel's own bookkeeping. For Linux only.
 */
export class IdleConnections implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof FUNCTIONS>;
  readonly #port: number;
  readonly #limits: IdleTimeouts;

  private constructor(
    library: Deno.DynamicLibrary<typeof FUNCTIONS>,
    port: number,
    limits: IdleTimeouts,
  ) {
    this.#library = library;
    this.#port = port;
    this.#limits = limits;
  }

  /** @returns The connections of `port`, or why they cannot be had. */
  static of(port: number, limits: IdleTimeouts = TIMEOUTS): IdleConnections | string {
    if (Deno.build.os !== "linux") return "this is done on Linux only";
    const library = openLibrary(LINUX_LIBRARIES, FUNCTIONS);
    return typeof library === "string" ? library : new IdleConnections(library, port, limits);
  }

  /** Closes those that have been quiet for too long. @returns How many that were. */
  closeIdle(): number {
    return this.#closeThose((info) => isIdle(info, this.#limits));
  }

  /** Closes all, whatever happens on them. @returns How many that were. */
  closeAll(): number {
    return this.#closeThose(() => true);
  }

  #closeThose(wanted: (info: DataView) => boolean): number {
    let closed = 0;
    const info = new DataView(new ArrayBuffer(INFO.size));
    for (const socket of findSockets(this.#port, this.#library.symbols.getsockname)) {
      // One that was ended a moment ago may be here once more, under a second descriptor.
      if (!this.#read(socket, info) || !isOpen(info) || !wanted(info)) continue;
      this.#end(socket);
      closed++;
    }
    return closed;
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }

  /** Fails for what is not TCP: the name of another kind of socket may look like an address of ours. */
  #read(descriptor: number, info: DataView<ArrayBuffer>): boolean {
    const size = intPointer(INFO.size);
    const into = new Uint8Array(info.buffer);
    const { getsockopt } = this.#library.symbols;
    return getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, into, size) === 0 && size[0] === INFO.size;
  }

  /** Deno sees that the connection has ended, and closes it; what was not sent yet is thrown away then. */
  #end(descriptor: number): void {
    const { setsockopt, shutdown } = this.#library.symbols;
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, Int32Array.of(1, 0), 8);
    shutdown(descriptor, SHUT_RDWR);
  }
}

/** Whether we have not ended the connection yet. */
function isOpen(info: DataView): boolean {
  return [ESTABLISHED, CLOSE_WAIT].includes(info.getUint8(INFO.state));
}

function isIdle(info: DataView, { headers, idle }: IdleTimeouts): boolean {
  const lastSent = info.getUint32(INFO.lastSent, true);
  const lastAcknowledged = info.getUint32(INFO.lastAcknowledged, true);
  // The connection's begin counts as one byte on some kernels.
  const hasAnswered = info.getBigUint64(INFO.acknowledged, true) > 1n;
  if (!hasAnswered && lastSent > headers) return true;
  return Math.max(lastSent, lastAcknowledged) > idle;
}
