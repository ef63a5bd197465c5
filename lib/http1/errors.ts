/** Kinds of failure of a request. */
export type HttpClientErrorCode =
  | "host-not-found"
  | "connection-refused"
  /** No route to the host, or no such network. */
  | "unreachable"
  /** No answer to the connection attempt: the host is off, or a firewall drops the packets. */
  | "connect-timeout"
  /** Any other failure to connect. */
  | "connection-failed"
  | "permission-denied"
  /** The server has accepted the connection, but sends no complete response head. */
  | "head-timeout"
  /** The server has accepted the connection, and closed it without a response. */
  | "closed"
  /** The server has closed the connection before the end of the response head. */
  | "head-truncated"
  /** The connection was interrupted while the body was read. */
  | "reset"
  /** The server sends much faster than the body is read. */
  | "overflow"
  | "not-http"
  | "head-too-large"
  | "certificate-untrusted"
  | "certificate-name"
  /** The certificate has expired, or is not valid yet; the clock of this machine may be wrong. */
  | "certificate-date"
  | "certificate-fingerprint"
  /**
   * The server has not proved that it holds the key of its certificate, or that key is too weak.
   */
  | "certificate-key"
  /** The certificate is of a kind that is no longer accepted, such as X.509 version 1. */
  | "certificate-unsupported"
  /** The server does not use TLS on this port. */
  | "not-tls"
  /** Any other failure of TLS, such as with a server that supports TLS 1.1 at most. */
  | "tls"
  /** A redirect to an address that is invalid or neither http nor https. */
  | "bad-redirect"
  | "too-many-redirects"
  | "unsupported-encoding"
  | "bad-chunk";

/**
 * A request failed. The message names the server as `host:port` and nothing else of its URL: the
 * path and the query may contain keys.
 */
export class HttpClientError extends Error {
  override name = "HttpClientError";
  readonly code: HttpClientErrorCode;

  constructor(code: HttpClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
