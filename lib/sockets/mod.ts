import { LibcError, openLibc } from "../libc.ts";
import { SOCKET_FUNCTIONS, type SocketFunctions } from "./descriptors.ts";
import type { DirectConnection } from "./direct_connection.ts";
import { DIRECT_FUNCTIONS, DirectSends } from "./direct_sends.ts";
import { IDLE_FUNCTIONS, IdleConnections, type IdleTimeouts } from "./idle_connections.ts";
import { limitSendQueue } from "./send_queue.ts";

export type { DirectConnection, IdleTimeouts };

/** Control over the connections that a port accepts, beyond the API of Deno. */
export interface Connections extends Disposable {
  /** Why the send queue is not limited although that was requested; else undefined. */
  readonly unavailable: string | undefined;
  /** Closes idle connections. @returns Their number. */
  closeIdle(): number;
  /** Closes all connections. @returns Their number. */
  closeAll(): number;
  /**
   * Opens direct sending for the response that begins now; undefined where it is not possible. The
   * caller closes it when the response ends.
   *
   * @param http1 Whether the request is certainly HTTP/1.
   */
  directTo(client: Deno.NetAddr, http1: boolean): DirectConnection | undefined;
}

/** Options of {@link openConnections}. */
export interface ConnectionsOptions {
  /** Whether to limit the kernel's send queues, so that slow viewers skip frames: Linux, macOS. */
  limitSendQueue?: boolean;
  /** Whether to send frames directly, bypassing Deno; not possible with TLS: Linux. */
  direct?: boolean;
  /** Timeouts of `closeIdle`; by default 30 s for headers, then 2 minutes. */
  timeouts?: IdleTimeouts;
}

/**
 * Opens control over the connections that `port` accepts. Call it when the server listens.
 *
 * Linux supports all of it. Methods that are not supported, or not permitted by `--allow-ffi`, do
 * nothing.
 */
export function openConnections(port: number, options: ConnectionsOptions = {}): Connections {
  try {
    return Deno.build.os === "linux" ? openOnLinux(port, options) : openElsewhere(port, options);
  } catch (error) {
    const reason = reasonOf(error);
    return new KernelConnections({}, options.limitSendQueue ? reason : undefined);
  }
}

function openOnLinux(port: number, options: ConnectionsOptions): Connections {
  const libc = openLibc({ ...IDLE_FUNCTIONS, ...DIRECT_FUNCTIONS });
  const unavailable = options.limitSendQueue ? tryToLimit(port, libc.symbols) : undefined;
  const idle = new IdleConnections(port, libc.symbols, options.timeouts);
  const direct = options.direct ? new DirectSends(port, libc.symbols) : undefined;
  return new KernelConnections({ idle, direct, libc }, unavailable);
}

function openElsewhere(port: number, options: ConnectionsOptions): Connections {
  if (options.limitSendQueue) {
    const libc = openLibc(SOCKET_FUNCTIONS);
    try {
      limitSendQueue(port, libc.symbols);
    } finally {
      libc.close();
    }
  }
  return new KernelConnections({});
}

/** @returns Why the send queue cannot be limited; undefined if it is limited now. */
function tryToLimit(port: number, functions: SocketFunctions): string | undefined {
  try {
    limitSendQueue(port, functions);
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof LibcError) return error.message;
  throw error;
}

/** The parts that are available. */
interface Parts {
  readonly idle?: IdleConnections;
  readonly direct?: DirectSends;
  readonly libc?: { close(): void };
}

class KernelConnections implements Connections {
  readonly unavailable: string | undefined;
  #parts: Parts;

  constructor(parts: Parts, unavailable?: string) {
    this.#parts = parts;
    this.unavailable = unavailable;
  }

  closeIdle(): number {
    return this.#parts.idle?.closeIdle() ?? 0;
  }

  closeAll(): number {
    return this.#parts.idle?.closeAll() ?? 0;
  }

  directTo(client: Deno.NetAddr, http1: boolean): DirectConnection | undefined {
    return this.#parts.direct?.open(client, http1);
  }

  /** Closes the C library. Later calls of it would crash, so all methods do nothing afterwards. */
  [Symbol.dispose](): void {
    const { direct, libc } = this.#parts;
    this.#parts = {};
    direct?.[Symbol.dispose]();
    libc?.close();
  }
}
