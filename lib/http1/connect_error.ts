import { serverOf } from "./address.ts";
import { HttpClientError, type HttpClientErrorCode } from "./errors.ts";

/** Meanings of the messages of the system and of the TLS library. The first match counts. */
const KNOWN_ERRORS: readonly [pattern: RegExp, code: HttpClientErrorCode, text: string][] = [
  [/ECONNREFUSED/, "connection-refused", "connection refused"],
  [/failed to lookup|ENOTFOUND|EAI_AGAIN/, "host-not-found", "cannot find this host name"],
  [/EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL/, "unreachable", "no route to this host"],
  [/ETIMEDOUT/, "connect-timeout", "the connection attempt timed out"],
  [/NotCapable|EACCES|EPERM/, "permission-denied", "permission denied"],
  [/not valid for name/i, "certificate-name", "the certificate is for another name"],
  [/certificate expired|NotValidYet|not valid (yet|until)/i, "certificate-date", "DATE"],
  [
    /UnsupportedCertVersion|BadEncoding|UnsupportedSignature|UnsupportedCritical/,
    "certificate-unsupported",
    "this kind of certificate is not supported; trust its fingerprint instead",
  ],
  [
    /UnknownIssuer|CaUsedAsEndEntity|SELF_SIGNED|invalid peer certificate/,
    "certificate-untrusted",
    "the certificate is not signed by a trusted authority",
  ],
  [
    /InvalidContentType|WRONG_VERSION_NUMBER/,
    "not-tls",
    "the server does not use TLS on this port",
  ],
  [/alert: ProtocolVersion|PeerIncompatible/, "tls", "the server's version of TLS is too old"],
  [/tls|ssl|alert|handshake|InvalidData/i, "tls", "the TLS handshake failed"],
];

const DATE = {
  expired: "the certificate has expired",
  early: "the certificate is not valid yet, or the clock of this machine is wrong",
};

/** Converts an error of a connection attempt to an {@link HttpClientError}. */
export function connectError(url: URL, cause: unknown): HttpClientError {
  if (cause instanceof HttpClientError) return cause;
  const text = describe(cause);
  const [, code, meaning] = KNOWN_ERRORS.find(([pattern]) => pattern.test(text)) ??
    [undefined, "connection-failed" as const, "the connection failed"];
  const date = /certificate expired/.test(text) ? DATE.expired : DATE.early;
  const reason = code === "certificate-date" ? date : meaning;
  return new HttpClientError(code, `Cannot connect to ${serverOf(url)}: ${reason}`, { cause });
}

/** Creates the error for a connection attempt that exceeds its time limit. */
export function connectTimeoutError(url: URL): HttpClientError {
  const message = `Cannot connect to ${serverOf(url)}: the connection attempt timed out`;
  return new HttpClientError("connect-timeout", message);
}

/** Creates the error for a server that accepts the connection, but not TLS, within the time limit. */
export function tlsTimeoutError(url: URL): HttpClientError {
  const message = `Cannot connect to ${
    serverOf(url)
  }: the server does not respond with TLS on this port`;
  return new HttpClientError("not-tls", message);
}

/**
 * Joins the texts that identify an error. For several addresses, `node:tls` throws an
 * AggregateError.
 */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error instanceof AggregateError ? error.errors.map(describe) : [];
  const { name, message, code = "" } = error as Error & { code?: string };
  return [name, code, message, ...inner].join(" ");
}
