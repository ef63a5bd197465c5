import { hostOf, portOf, serverOf } from "./address.ts";
import { connectError, tlsTimeoutError } from "./connect_error.ts";
import { type Connection, DenoConnection } from "./connection.ts";
import { HttpClientError } from "./errors.ts";
import { connectPinned, fingerprintOf } from "./pinned_connection.ts";

/** Certificates that are trusted in addition to those of well-known authorities. */
export interface Trust {
  /** PEM certificates of servers or authorities. */
  readonly pem?: string;
  /** SHA-256 of certificates that are trusted regardless of their issuer, names and dates. */
  readonly fingerprints: readonly string[];
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/g;

/**
 * Reads {@link RequestOptions.trust}.
 *
 * @throws {TypeError} If the text is neither a PEM certificate nor a fingerprint.
 */
export async function parseTrust(text: string | undefined): Promise<Trust> {
  if (text === undefined) return { fingerprints: [] };
  const [, digits] = /^\s*sha256:([\da-f:\s]+)$/i.exec(text) ?? [];
  const fingerprint = digits?.replaceAll(/[:\s]/g, "").toLowerCase();
  if (fingerprint?.length === 64) return { fingerprints: [fingerprint] };
  const certificates = [...text.matchAll(CERTIFICATE)].map(([, base64]) => fromBase64(base64!));
  if (!certificates.length) {
    throw new TypeError(
      "Cannot read the trusted certificate: it must be in PEM form, or sha256: and 64 " +
        "hexadecimal digits",
    );
  }
  return { pem: text, fingerprints: await Promise.all(certificates.map(fingerprintOf)) };
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch (cause) {
    throw new TypeError("Cannot read the trusted certificate: its PEM is damaged", { cause });
  }
}

/**
 * Connects to the server of a URL, with TLS for https.
 *
 * A server whose certificate is in `trust.pem` is accepted by the certificate's fingerprint: the
 * TLS library rejects most self-signed certificates of cameras (those with CA:TRUE, the default of
 * openssl), even trusted ones.
 *
 * @param signal Aborts the attempt, but not the connection afterwards.
 * @throws {HttpClientError} If the connection fails.
 * @throws The reason of `signal`, if that aborted.
 */
export async function connect(url: URL, trust: Trust, signal: AbortSignal): Promise<Connection> {
  signal.throwIfAborted();
  if (url.protocol === "http:") return new DenoConnection(await open(url, signal), serverOf(url));
  const { pem, fingerprints } = trust;
  if (!pem && fingerprints.length) return await connectPinned(url, fingerprints, { signal });
  try {
    return await connectTls(url, pem, signal);
  } catch (error) {
    const certificate = error instanceof HttpClientError && error.code.startsWith("certificate-");
    if (!certificate || !fingerprints.length) throw error;
    // The first error is more specific than a different fingerprint.
    return await connectPinned(url, fingerprints, { signal }).catch(() => {
      signal.throwIfAborted();
      throw error;
    });
  }
}

async function open(url: URL, signal: AbortSignal): Promise<Deno.TcpConn> {
  try {
    return await Deno.connect({ hostname: hostOf(url), port: portOf(url), signal });
  } catch (error) {
    signal.throwIfAborted();
    throw connectError(url, error);
  }
}

async function connectTls(
  url: URL,
  pem: string | undefined,
  signal: AbortSignal,
): Promise<Connection> {
  const tcp = await open(url, signal);
  let conn: Deno.Conn = tcp;
  const close = () => {
    try {
      conn.close();
    } catch {
      // Closed already, or taken over by `Deno.startTls`: then the signal is checked afterwards.
    }
  };
  signal.addEventListener("abort", close, { once: true });
  try {
    const options = { hostname: hostOf(url), caCerts: pem ? [pem] : [] };
    const tls = await Deno.startTls(tcp, options);
    conn = tls;
    signal.throwIfAborted();
    await tls.handshake();
    return new DenoConnection(tls, serverOf(url));
  } catch (error) {
    close();
    const { aborted, reason } = signal;
    if (reason instanceof HttpClientError && reason.code === "connect-timeout") {
      throw tlsTimeoutError(url);
    }
    if (aborted) throw reason;
    throw connectError(url, error);
  } finally {
    signal.removeEventListener("abort", close);
  }
}
