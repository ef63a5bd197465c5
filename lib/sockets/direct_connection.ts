import type { Bytes } from "../bytes.ts";
import type { DrainPoller } from "./drain_poller.ts";

/** Interval between checks whether the response's headers are sent, in milliseconds. */
const HEADER_POLL_INTERVAL = 1;
/** Maximum time to wait for the response's headers, in milliseconds. */
const HEADER_TIMEOUT = 200;

/** The operations on sockets that a {@link DirectConnection} needs. */
export interface DirectSockets {
  /** Calls back for connections that have drained. */
  readonly drainPoller: DrainPoller;
  /**
   * Returns the number of bytes ever written to the socket, modulo 2 ** 32; undefined if it is not
   * known at present.
   */
  bytesWritten(socket: number): number | undefined;
  /**
   * Sends as many bytes as the socket accepts at once.
   *
   * @returns Number of bytes sent; negative if the socket accepts nothing.
   */
  send(socket: number, bytes: Bytes): number;
  /** Closes the descriptor. */
  close(socket: number): void;
}

/** A socket with one response in progress. */
export interface DirectSocket {
  /** A duplicate of Deno's descriptor; the connection closes it. */
  readonly socket: number;
  /** Number of bytes that were written to the socket before this response, modulo 2 ** 32. */
  readonly bytesBefore: number;
}

/**
 * The connection of one response, which has two writers. Deno writes the headers and the bytes that
 * are queued in the response's stream; {@link send} writes to the same socket, bypassing Deno.
 *
 * Their bytes must not mix, so `send` does nothing until Deno has written everything queued. Deno
 * does not report that, but the kernel knows how many bytes were ever written to a socket: Deno has
 * finished when the count before the first queued byte has grown by the number of queued bytes.
 */
export class DirectConnection {
  readonly #sockets: DirectSockets;
  readonly #socket: number;
  readonly #bytesBefore: number;
  /** The count at which Deno has written all queued bytes; undefined if no bytes are queued. */
  #drainedAt: number | undefined;
  #state: "waiting for headers" | "open" | "closed" = "waiting for headers";

  constructor(sockets: DirectSockets, { socket, bytesBefore }: DirectSocket) {
    this.#sockets = sockets;
    this.#socket = socket;
    this.#bytesBefore = bytesBefore;
  }

  /**
   * Waits until Deno has sent the response's headers. Until then, queue nothing. After a timeout
   * the connection closes, so that Deno sends the whole response.
   */
  async headersSent(): Promise<void> {
    for (
      let waited = 0;
      this.#state === "waiting for headers" && waited < HEADER_TIMEOUT;
      waited += HEADER_POLL_INTERVAL
    ) {
      // Headers are short and the send queue is empty, so they are written as a whole.
      const written = this.#bytesWritten();
      if (written !== undefined && written !== this.#bytesBefore) this.#state = "open";
      else await new Promise((resolve) => setTimeout(resolve, HEADER_POLL_INTERVAL));
    }
    if (this.#state === "waiting for headers") this.close();
  }

  /** Whether bytes can be sent directly; {@link drained} means nothing otherwise. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether Deno has written everything queued; always true for a closed connection. */
  get drained(): boolean {
    if (this.#drainedAt === undefined || this.#state === "closed") return true;
    if (this.#drainedAt !== this.#bytesWritten()) return false;
    this.#drainedAt = undefined;
    return true;
  }

  /** Calls back once, when the connection has drained. */
  onDrain(callback: () => void): void {
    this.#sockets.drainPoller.add(this, callback);
  }

  /**
   * Sends as many bytes as the socket accepts at once.
   *
   * @returns Number of bytes sent, from the first on.
   */
  send(bytes: Bytes): number {
    if (this.#state !== "open" || !this.drained) return 0;
    return Math.max(0, this.#sockets.send(this.#socket, bytes));
  }

  /** Records that `count` bytes are queued in the response's stream, for Deno to send. */
  queued(count: number): void {
    if (this.#state !== "open") return this.close();
    const before = this.#drainedAt ?? this.#bytesWritten();
    if (before === undefined) return this.close();
    this.#drainedAt = (before + count) >>> 0;
  }

  /** Ends direct sending: Deno sends the rest of the response. The client stays connected. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#sockets.drainPoller.delete(this);
    this.#sockets.close(this.#socket);
  }

  #bytesWritten(): number | undefined {
    return this.#sockets.bytesWritten(this.#socket);
  }
}
