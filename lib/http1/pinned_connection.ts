import { Buffer } from "node:buffer";
import tls from "node:tls";
import type { Bytes } from "../bytes.ts";
import { brokenConnection, type Connection } from "./connection.ts";
import { HttpClientError, portOf, serverOf } from "./errors.ts";
import { connectError } from "./connect_error.ts";

/**
 * Connects over TLS to a server whose certificate has one of these fingerprints, whatever its issuer, its names
 * and its dates. `Deno.connectTls` cannot do that: it shows no certificate, and refuses many self-signed ones.
 *
 * Nothing is sent before the check. The handshake has proved before that the server holds the certificate's
 * key: with `rejectUnauthorized: false`, Deno skips the checks of the certificate, but not of the signature.
 *
 * @param fingerprints SHA-256 of the certificate in DER form, as lower-case hexadecimal digits.
 * @param signal Aborts the connection attempt.
 */
export async function connectPinned(
  url: URL,
  fingerprints: readonly string[],
  signal: AbortSignal,
): Promise<Connection> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const socket = tls.connect({
    host,
    port: portOf(url),
    servername: /^[\d.]+$|:/.test(host) ? "" : host, // SNI is for names only
    rejectUnauthorized: false,
  });
  const connection = new PinnedConnection(socket, serverOf(url));
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
    throw connectError(url, error);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Computes the SHA-256 of a certificate in DER form, as lower-case hexadecimal digits. */
export async function fingerprintOf(certificate: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(certificate));
  return new Uint8Array(digest).toHex();
}

function otherFingerprint(server: string, actual: string): HttpClientError {
  const message = `The certificate of ${server} has another fingerprint: sha256:${actual}`;
  return new HttpClientError("certificate-fingerprint", message);
}

/** A connection through `node:tls`. */
class PinnedConnection implements Connection {
  readonly #socket: tls.TLSSocket;
  readonly #server: string;
  #closed = false;
  #reason: unknown;
  #ended = false;
  #error: unknown;
  #connected = false;
  #wake = () => {};

  constructor(socket: tls.TLSSocket, server: string) {
    this.#socket = socket;
    this.#server = server;
    socket.on("secureConnect", () => {
      this.#connected = true;
      this.#wake();
    });
    socket.on("readable", () => this.#wake());
    socket.on("error", (error) => {
      this.#error ??= error;
      this.#wake();
    });
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  /** Waits for the end of the handshake. */
  async connected(): Promise<void> {
    while (!this.#connected) {
      if (this.#closed) throw this.#reason;
      if (this.#error) throw this.#error;
      if (this.#ended) throw new Error("connection closed within the TLS handshake");
      await this.#event();
    }
  }

  async read(): Promise<Bytes | undefined> {
    for (;;) {
      if (this.#closed && this.#reason !== undefined) throw this.#reason;
      if (this.#closed) return undefined;
      const bytes: Buffer | null = this.#socket.read();
      if (bytes) return new Uint8Array(bytes);
      if (this.#error) throw brokenConnection(this.#server, this.#error);
      if (this.#ended) return undefined;
      await this.#event();
    }
  }

  write(bytes: Bytes): Promise<void> {
    return new Promise((resolve) => this.#socket.write(bytes, () => resolve()));
  }

  close(reason?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reason = reason;
    this.#socket.destroy();
    this.#wake();
  }

  #event(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}
