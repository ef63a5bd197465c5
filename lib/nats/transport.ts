import type { ConnectionOptions, NatsConnection, Server } from "@nats-io/nats-core";
import {
  NatsConnectionImpl,
  setTransportFactory,
  type Transport,
} from "@nats-io/nats-core/internal";
import type { Bytes } from "../bytes.ts";

/** An open connection for the bytes of the NATS protocol. */
export interface HubConnection {
  /** Reads what has arrived; undefined at the end. The bytes belong to the caller. */
  read(): Promise<Bytes | undefined>;
  /** Writes all bytes. Calls must not overlap. */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes it at once. What is not sent yet is dropped. */
  close(): void;
}

/** Options of a connection: those of nats.js, and how to connect. */
export interface TransportOptions extends ConnectionOptions {
  /** Connects, up to the hub's `INFO`, which is the first that `read` returns. */
  dial(signal: AbortSignal): Promise<HubConnection>;
  /** Called once, when a connection that was open is lost or closed. */
  onClose(reason: Error | undefined): void;
  /** Closes the connection, and aborts the attempt to connect. */
  readonly signal: AbortSignal;
}

/**
 * The transport of nats.js over a {@link HubConnection}. That of nats.js for Node leaves sockets open
 * after a failed attempt, waits for its unsent bytes when the hub does not answer, and goes on
 * without a reader after an error in a callback. Here each of these closes the connection at once.
 */
class HubTransport implements Transport {
  readonly lang = "dinocam";
  readonly version = "1";
  closeError: Error | undefined;
  readonly #attempt = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  readonly #unsent: Uint8Array[] = [];
  #connection: HubConnection | undefined;
  #onClose: TransportOptions["onClose"] | undefined;
  #isClosed = false;
  #isSending = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async connect(_: Server, options: ConnectionOptions): Promise<void> {
    const { dial, onClose, signal } = options as TransportOptions;
    signal.addEventListener("abort", () => this.#close(signal.reason), {
      once: true,
      signal: this.#attempt.signal,
    });
    if (signal.aborted) this.#close(signal.reason);
    const connection = await dial(this.#attempt.signal);
    if (this.#isClosed) {
      connection.close();
      throw this.closeError;
    }
    this.#connection = connection;
    this.#onClose = onClose;
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    let reason = new Error("invalid data from the hub"); // nats.js stops to read after an error
    let protocolError: string | undefined;
    try {
      for (let bytes; (bytes = await this.#connection!.read());) {
        if (bytes[0] === MINUS) protocolError = errorIn(bytes);
        yield bytes;
        if (this.#isClosed) return;
      }
      reason = new Error(protocolError ?? "the hub closed the connection");
    } catch (error) {
      reason = error as Error;
    } finally {
      this.#close(reason);
    }
  }

  isEncrypted(): boolean {
    return false; // only for the certificates of addresses that the hub announces
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#unsent.push(bytes);
    if (!this.#isSending) this.#send();
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    try {
      for (let bytes; (bytes = this.#unsent.shift());) await this.#connection!.write(bytes);
    } catch (error) {
      this.#close(error as Error);
    }
    this.#isSending = false;
  }

  close(reason?: Error): Promise<void> {
    this.#close(reason);
    return Promise.resolve();
  }

  disconnect(): void {
    this.#close(new Error("the hub does not answer"));
  }

  closed(): Promise<void> {
    return this.#closed.promise;
  }

  discard(): void {
    this.#close(undefined);
  }

  #close(reason: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.closeError = reason;
    this.#unsent.length = 0;
    this.#attempt.abort(reason);
    if (!this.#connection) return;
    this.#connection.close();
    this.#onClose?.(reason);
    this.#closed.resolve();
  }
}

const MINUS = "-".charCodeAt(0);

/** Returns the text of an error message of the hub, which it sends before it closes a connection. */
function errorIn(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes.subarray(0, 500));
  return /^-ERR\s+'?([^'\r\n]{1,200})/.exec(text)?.[1];
}

/**
 * Connects and logs in, over the connection of `options.dial`.
 *
 * @throws The error of `dial`, or of the log-in.
 */
export async function connectOver(options: TransportOptions): Promise<NatsConnection> {
  // It is the same for all connections of the process: what differs is in their options.
  setTransportFactory({ factory: () => new HubTransport() });
  const connection = await NatsConnectionImpl.connect(options) as NatsConnectionImpl;
  const { parser, transport } = connection.protocol;
  const parse = parser.parse.bind(parser);
  parser.parse = (bytes) => {
    try {
      parse(bytes);
    } catch {
      transport.close(new Error("invalid data from the hub")); // nats.js would print the error
    }
  };
  return connection;
}
