import type { Bytes } from "../bytes.ts";
import { HttpClientError } from "./errors.ts";

/** A connection to a server. */
export interface Connection {
  /**
   * Waits for bytes, which the caller may keep.
   *
   * @returns Undefined at the end, also after a `close` without a reason.
   * @throws The reason of `close`, or an {@link HttpClientError} if the connection was interrupted.
   */
  read(): Promise<Bytes | undefined>;
  /**
   * Sends bytes. Ignores errors: the server may respond before it closes, and `read` reports the
   * failure.
   */
  write(bytes: Bytes): Promise<void>;
  /** Closes the connection immediately, and ends a pending `read`. */
  close(reason?: unknown): void;
}

/** Size of a buffer, in bytes. */
const BUFFER_SIZE = 65_536;
/** Minimum space for a read, in bytes. */
const MIN_READ = 16_384;

/** A connection through `Deno.connect`, over TCP or TLS. */
export class DenoConnection implements Connection {
  readonly #conn: Deno.Conn;
  readonly #server: string;
  #closed = false;
  #reason: unknown;
  /**
   * The unused end of the current buffer. A full buffer is replaced, and then belongs to the
   * callers.
   */
  #free: Bytes = new Uint8Array();

  /** @param server Name of the server in messages. */
  constructor(conn: Deno.Conn, server: string) {
    this.#conn = conn;
    this.#server = server;
  }

  async read(): Promise<Bytes | undefined> {
    if (this.#closed) return this.#atEnd();
    if (this.#free.length < MIN_READ) this.#free = new Uint8Array(BUFFER_SIZE);
    const into = this.#free;
    try {
      const count = await this.#conn.read(into);
      if (this.#closed || count === null) return this.#atEnd();
      this.#free = into.subarray(count);
      return into.subarray(0, count);
    } catch (error) {
      // Many cameras close a TLS connection without a close_notify alert.
      if (this.#closed || error instanceof Deno.errors.UnexpectedEof) return this.#atEnd();
      throw interruptedError(this.#server, error);
    }
  }

  async write(bytes: Bytes): Promise<void> {
    try {
      for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
    } catch {
      // See Connection.write.
    }
  }

  close(reason?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reason = reason;
    this.#conn.close();
  }

  #atEnd(): undefined {
    if (this.#reason !== undefined) throw this.#reason;
  }
}

/** Creates the error for a connection that was interrupted after it was established. */
export function interruptedError(server: string, cause: unknown): HttpClientError {
  return new HttpClientError("reset", `The connection to ${server} was interrupted`, { cause });
}
