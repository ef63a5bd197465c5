import type { Bytes } from "../bytes.ts";
import { BytesWritten, COUNT_FUNCTIONS } from "./bytes_written.ts";
import { findSockets, isConnectedTo, SOCKET_FUNCTIONS } from "./descriptors.ts";
import { DirectConnection, type DirectSockets } from "./direct_connection.ts";
import { DrainPoller } from "./drain_poller.ts";
import { TcpInfo } from "./tcp_info.ts";
import { SEND_FUNCTIONS, ZeroCopySender } from "./zero_copy_sender.ts";

// Constants of Linux, the same on all architectures that Deno supports.
const F_DUPFD_CLOEXEC = 1030;
const RLIMIT_NOFILE = 7;

/** Functions of the C library that {@link DirectSends} calls. */
export const DIRECT_FUNCTIONS = {
  ...SOCKET_FUNCTIONS,
  ...SEND_FUNCTIONS,
  ...COUNT_FUNCTIONS,
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
} as const;

type Functions = Deno.DynamicLibrary<typeof DIRECT_FUNCTIONS>["symbols"];

/**
 * Sends on connections that `Deno.serve` has accepted on a port, bypassing Deno: a frame then costs
 * one system call per viewer, and no copy if it has many viewers. Deno sends the bytes that
 * the kernel does not accept at once: only Deno waits for a socket, reads from it, and detects a
 * disconnect.
 *
 * Linux only.
 */
export class DirectSends implements DirectSockets, Disposable {
  readonly drainPoller = new DrainPoller();
  readonly #port: number;
  readonly #functions: Functions;
  readonly #sender: ZeroCopySender;
  readonly #info: TcpInfo;
  readonly #written: BytesWritten;
  /** Open connections by descriptor. */
  readonly #open = new Map<number, DirectConnection>();
  /** Descriptors from this number on are left to Deno, which needs them to accept connections. */
  readonly #descriptorLimit: number;

  constructor(port: number, functions: Functions) {
    this.#port = port;
    this.#functions = functions;
    this.#sender = new ZeroCopySender(functions);
    this.#info = new TcpInfo(functions);
    this.#written = new BytesWritten(functions);
    const limits = new BigUint64Array(2); // struct rlimit: soft and hard limit
    functions.getrlimit(RLIMIT_NOFILE, limits);
    this.#descriptorLimit = Number(limits[0]) / 2;
  }

  /**
   * Opens the connection of a client for the response that begins now, which must not be chunked.
   *
   * @param http1 Whether the request is certainly HTTP/1. If not, the connection must be unused: an
   * HTTP/2 server has already sent its settings, and the streams of HTTP/2 share a connection.
   * @returns Undefined if the connection is not found, is ambiguous, or has another response in
   * progress.
   */
  open(client: Deno.NetAddr, http1: boolean): DirectConnection | undefined {
    const socket = this.#duplicateSocket(client);
    if (socket === undefined) return undefined;
    const bytesBefore = this.#bytesBeforeResponse(socket, http1);
    if (bytesBefore === undefined) {
      this.#functions.close(socket);
      return undefined;
    }
    const connection = new DirectConnection(this, { socket, bytesBefore });
    this.#open.set(socket, connection);
    return connection;
  }

  /** Called by a {@link DirectConnection}. */
  bytesWritten(socket: number): number | undefined {
    return this.#written.read(socket);
  }

  /** Called by a {@link DirectConnection}. */
  send(socket: number, bytes: Bytes): number {
    return this.#sender.send(socket, bytes);
  }

  /** Called by a {@link DirectConnection}. */
  close(socket: number): void {
    this.#open.delete(socket);
    this.#functions.close(socket);
    if (this.#open.size === 0) this.#sender.clear();
  }

  /** Closes the open connections: Deno sends the rest of their responses. */
  [Symbol.dispose](): void {
    for (const connection of this.#open.values()) connection.close();
  }

  /**
   * Duplicates the descriptor of a client's connection. With Deno's own descriptor, a send could
   * reach another client: Deno may close it, and the kernel reuse its number, before the end of the
   * response is detected here.
   */
  #duplicateSocket(client: Deno.NetAddr): number | undefined {
    const { fcntl, close } = this.#functions;
    const sockets = [...findSockets(this.#port, this.#functions)]
      .filter((socket) => isConnectedTo(client, socket, this.#functions));
    // A second match may be the duplicate for a viewer that has just disconnected.
    if (sockets.length !== 1) return undefined;
    const duplicate = fcntl(sockets[0]!, F_DUPFD_CLOEXEC, 0);
    if (duplicate < this.#descriptorLimit) return duplicate < 0 ? undefined : duplicate;
    close(duplicate);
  }

  /** @returns Number of bytes written to the socket so far; undefined if `open` cannot use it. */
  #bytesBeforeResponse(socket: number, http1: boolean): number | undefined {
    const written = this.#written.read(socket);
    if (written === undefined || !this.#info.read(socket)) return undefined;
    const isBusy = this.#info.bytesUnsent > 0; // with an earlier response
    const mayBeHttp2 = !http1 && written > 1; // some kernels count the SYN as one byte
    return isBusy || mayBeHttp2 ? undefined : written;
  }
}
