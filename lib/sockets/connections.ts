import { LibcError, openLibc } from "../libc.ts";
import type { DirectConnection } from "./direct_connection.ts";
import { DIRECT_FUNCTIONS, DirectSends } from "./direct_sends.ts";
import { IDLE_FUNCTIONS, IdleConnections, type IdleTimeouts } from "./idle_connections.ts";

/** Control over the connections that a port accepts, beyond the API of Deno. */
export interface Connections extends Disposable {
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
  /** Whether to send frames directly, bypassing Deno; not possible with TLS: Linux. */
  direct?: boolean;
  /** Timeouts of `closeIdle`; by default 30 s for headers, then 2 minutes. */
  timeouts?: IdleTimeouts;
}

/**
 * Opens control over the connections that `port` accepts. Call it when the server listens.
 *
 * Linux only. Elsewhere, and if `--allow-ffi` does not permit it, the methods do nothing.
 */
export function openConnections(port: number, options: ConnectionsOptions = {}): Connections {
  if (Deno.build.os !== "linux") return new KernelConnections({});
  try {
    const libc = openLibc({ ...IDLE_FUNCTIONS, ...DIRECT_FUNCTIONS });
    const idle = new IdleConnections(port, libc.symbols, options.timeouts);
    const direct = options.direct ? new DirectSends(port, libc.symbols) : undefined;
    return new KernelConnections({ idle, direct, libc });
  } catch (error) {
    if (error instanceof LibcError) return new KernelConnections({});
    throw error;
  }
}

/** The parts that are available. */
interface Parts {
  readonly idle?: IdleConnections;
  readonly direct?: DirectSends;
  readonly libc?: { close(): void };
}

class KernelConnections implements Connections {
  #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
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
