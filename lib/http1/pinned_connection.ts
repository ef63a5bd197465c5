import type { Buffer } from "node:buffer";
import tls from "node:tls";
import type { Bytes } from "../bytes.ts";
import { hostOf, portOf, serverOf } from "./address.ts";
import { type Connection, interruptedError } from "./connection.ts";
import { HttpClientError } from "./errors.ts";
import { connectError } from "./connect_error.ts";

/** Options of {@link connectPinned}. */
export interface PinnedOptions {
  /** Aborts the connection attempt. */
  signal: AbortSignal;
  /** Maximum size of the received data that are not read yet, in bytes. */
  maxUnread?: number;
}

/**
 * Connects over TLS to a server whose certificate has one of these fingerprints, regardless of its
 * issuer, names and dates. `Deno.connectTls` cannot do that: it hides the certificate, and refuses
 * many self-signed ones.
 *
 * Sends nothing before the check. The handshake proves that the server holds the key of the
 * certificate: with `rejectUnauthorized: false`, Deno 2.9 does not verify the certificate, but
 * still verifies the signature.
 *
 * @param fingerprints SHA-256 of the certificate in DER form, as lower-case hexadecimal digits.
 */
export async function connectPinned(
  url: URL,
  fingerprints: readonly string[],
  { signal, maxUnread = 16 * 1024 * 1024 }: PinnedOptions,
): Promise<Connection> {
  const host = hostOf(url);
  const socket = tls.connect({
    host,
    port: portOf(url),
    servername: /^[\d.]+$|:/.test(host) ? "" : host, // SNI is for names only
    rejectUnauthorized: false,
  });
  const connection = new PinnedConnection(socket, { server: serverOf(url), maxUnread });
  const abort = () => connection.close(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await connection.connected();
    const actual = await fingerprintOf(socket.getPeerCertificate().raw);
    if (!fingerprints.includes(actual)) throw otherFingerprint(serverOf(url), actual);
    signal.throwIfAborted();
    return connection;
  } catch (error) {
    connection.close();
    signal.throwIfAborted();
    throw pinnedError(url, error);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Computes the SHA-256 of a certificate in DER form, as lower-case hexadecimal digits. */
export async function fingerprintOf(certificate: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(certificate));
  return new Uint8Array(digest).toHex();
}

/**
 * Converts the error of a failed attempt. Certificates are not verified, so if one is rejected, the
 * server's signature is wrong.
 */
function pinnedError(url: URL, cause: unknown): HttpClientError {
  const error = connectError(url, cause);
  if (error === cause || !error.code.startsWith("certificate-")) return error;
  const message = `Cannot connect to ${serverOf(url)}: the server has not proved that it holds ` +
    "the key of its certificate, or that key is too weak (RSA needs 2048 bits)";
  return new HttpClientError("certificate-key", message, { cause });
}

function otherFingerprint(server: string, actual: string): HttpClientError {
  const message = `The certificate of ${server} has another fingerprint: sha256:${actual}`;
  return new HttpClientError("certificate-fingerprint", message);
}

/**
 * A connection through `node:tls`. It has no backpressure, because after a pause, a socket of Deno
 * 2.9 does not report the end of the connection. Instead, it closes when it has received too much
 * unread data.
 */
class PinnedConnection implements Connection {
  readonly #socket: tls.TLSSocket;
  readonly #server: string;
  readonly #maxUnread: number;
  readonly #unread: Bytes[] = [];
  #unreadBytes = 0;
  #state: "connecting" | "connected" | "ended" | "closed" = "connecting";
  /** Error that ended the connection, or reason of `close`. */
  #reason: unknown;
  #wake = () => {};

  constructor(
    socket: tls.TLSSocket,
    { server, maxUnread }: { server: string; maxUnread: number },
  ) {
    this.#socket = socket;
    this.#server = server;
    this.#maxUnread = maxUnread;
    socket.on("secureConnect", () => this.#become("connected"));
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("error", (error) => {
      const cause = this.#state === "connecting" ? error : interruptedError(server, error);
      this.#become("ended", cause);
    });
    socket.on("end", () => this.#become("ended"));
    socket.on("close", () => this.#become("ended"));
  }

  /** Waits for the end of the handshake. */
  async connected(): Promise<void> {
    while (this.#state === "connecting") await this.#event();
    if (this.#reason !== undefined) throw this.#reason;
    if (this.#state !== "connected") throw new Error("closed during the TLS handshake");
  }

  async read(): Promise<Bytes | undefined> {
    while (this.#state === "connected" && !this.#unread.length) await this.#event();
    const bytes = this.#state === "closed" ? undefined : this.#unread.shift();
    if (bytes) this.#unreadBytes -= bytes.length;
    else if (this.#reason !== undefined) throw this.#reason;
    return bytes;
  }

  write(bytes: Bytes): Promise<void> {
    return new Promise((resolve) => this.#socket.write(bytes, () => resolve()));
  }

  close(reason?: unknown): void {
    if (this.#state === "closed") return;
    this.#reason = undefined;
    this.#become("closed", reason);
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    if (this.#state === "closed") return;
    this.#unread.push(new Uint8Array(bytes));
    this.#unreadBytes += bytes.length;
    if (this.#unreadBytes > this.#maxUnread) {
      const message = `${this.#server} sends faster than its response is read`;
      this.close(new HttpClientError("overflow", message));
    }
    this.#wake();
  }

  /** Changes to a later state; ignores earlier states. */
  #become(state: "connected" | "ended" | "closed", reason?: unknown): void {
    if (this.#state === "closed" || this.#state === "ended" && state !== "closed") return;
    this.#state = state;
    this.#reason ??= reason;
    this.#wake();
  }

  #event(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}
