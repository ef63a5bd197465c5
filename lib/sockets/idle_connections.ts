import { findSockets, SOCKET_FUNCTIONS } from "./descriptors.ts";
import { TcpInfo } from "./tcp_info.ts";

/** Timeouts after which an idle connection is closed, in milliseconds. */
export interface IdleTimeouts {
  /** Until the client has received a first byte: limits the time for the request's headers. */
  readonly headers: number;
  /** Afterwards: without data sent to the client, or without an acknowledgement from it. */
  readonly idle: number;
}

/** A stream sends data at least every 5 s, and a WebSocket gets a ping every 30 s. */
const DEFAULT_TIMEOUTS: IdleTimeouts = { headers: 30_000, idle: 120_000 };

// Constants of Linux, the same on all architectures that Deno supports.
const SOL_SOCKET = 1;
const SO_LINGER = 13;
const SHUT_RDWR = 2;
/** A `struct linger`: enabled, with a timeout of 0 seconds. */
const NO_LINGER = Int32Array.of(1, 0);

/** Functions of the C library that {@link IdleConnections} calls. */
export const IDLE_FUNCTIONS = {
  ...SOCKET_FUNCTIONS,
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
} as const;

type Functions = Deno.DynamicLibrary<typeof IDLE_FUNCTIONS>["symbols"];

/**
 * Closes connections that a port has accepted and that are idle: slow-header (slowloris) and silent
 * clients, clients that have stopped reading, dead peers.
 *
 * `Deno.serve` keeps all of these open for as long as the client does, and has no method to close
 * them. So this reads the kernel's statistics of each connection and shuts sockets down.
 *
 * Linux only.
 */
export class IdleConnections {
  readonly #port: number;
  readonly #functions: Functions;
  readonly #timeouts: IdleTimeouts;

  constructor(port: number, functions: Functions, timeouts: IdleTimeouts = DEFAULT_TIMEOUTS) {
    this.#port = port;
    this.#functions = functions;
    this.#timeouts = timeouts;
  }

  /** Closes connections that exceed a timeout. @returns Their number. */
  closeIdle(): number {
    return this.#closeWhere((info) => isIdle(info, this.#timeouts));
  }

  /** Closes all connections, active ones included. @returns Their number. */
  closeAll(): number {
    return this.#closeWhere(() => true);
  }

  #closeWhere(matches: (info: TcpInfo) => boolean): number {
    let closed = 0;
    const info = new TcpInfo(this.#functions);
    for (const socket of findSockets(this.#port, this.#functions)) {
      // With a second descriptor (see DirectSends), a connection that is closed already counts
      // once.
      if (!info.read(socket) || !info.isOpen || !matches(info)) continue;
      this.#reset(socket);
      closed++;
    }
    return closed;
  }

  /**
   * Shuts a connection down. Deno detects that and closes its descriptor; the linger timeout of 0
   * then makes the kernel discard unsent data and reset the connection.
   */
  #reset(socket: number): void {
    const { setsockopt, shutdown } = this.#functions;
    setsockopt(socket, SOL_SOCKET, SO_LINGER, NO_LINGER, NO_LINGER.byteLength);
    shutdown(socket, SHUT_RDWR);
  }
}

function isIdle(info: TcpInfo, { headers, idle }: IdleTimeouts): boolean {
  if (!info.hasAcknowledged && info.sinceSent > headers) return true;
  return Math.max(info.sinceSent, info.sinceAcknowledged) > idle;
}
