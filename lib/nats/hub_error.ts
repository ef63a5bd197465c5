import { errors } from "@nats-io/nats-core";
import { connectError, type HttpClientErrorCode } from "../http1/mod.ts";
import { shorten } from "../quote.ts";
import { type HubAddress, serverOf } from "./settings.ts";

/** The hub cannot be used as `NATS_URL` says. The message contains no secret. */
export class HubError extends Error {
  override name = "HubError";
  /** What the user can do about it. */
  readonly hint: string | undefined;

  constructor(message: string, { hint, ...options }: ErrorOptions & { hint?: string } = {}) {
    super(message, options);
    this.hint = hint;
  }
}

/** The hub does not accept the log-in. */
export class HubLogInError extends HubError {
  override name = "HubLogInError";
}

/** Converts the failure of an attempt to connect, or to log in. It contains no secrets. */
export function explainHubError(address: HubAddress, cause: unknown): HubError {
  const server = serverOf(address);
  if (cause instanceof errors.AuthorizationError) {
    return new HubLogInError(
      address.credentials
        ? `The hub ${server} rejects the user name or the password`
        : `The hub ${server} requires a user name and a password`,
      {
        hint: address.credentials
          ? "correct them in NATS_URL"
          : "add them to NATS_URL: tls://user:password@host",
      },
    );
  }
  if (cause instanceof errors.TimeoutError) {
    return new HubError(`Cannot connect to ${server}: it does not answer`, {
      hint: hintFor("connect-timeout"),
    });
  }
  if (cause instanceof HubError) {
    return new HubError(`Cannot use ${server} as the hub: ${cause.message}`, cause);
  }
  const status = /Invalid status code: (\d{3})/.exec(String(cause))?.[1];
  if (status) {
    return new HubError(`Cannot use ${server} as the hub: it answers with HTTP status ${status}`, {
      hint: "check the port and the path in NATS_URL: those of the WebSocket of nats-server",
      cause,
    });
  }
  if (/WebSocket: tcp connect error/.test(String(cause))) {
    return new HubError(`Cannot connect to ${server}: its port is closed, or out of reach`, {
      hint: hintFor("connection-failed"),
      cause,
    });
  }
  const error = connectError(new URL(`http://${server}`), withCode(cause));
  if (error.code === "connection-failed" && cause instanceof Error) {
    return new HubError(`Cannot use ${server} as the hub: ${shorten(cause.message)}`, { cause });
  }
  if (/CaUsedAsEndEntity/.test(String(cause))) {
    return new HubError(`Cannot connect to ${server}: its certificate is one of an authority`, {
      hint: "create the hub's certificate with basicConstraints=CA:FALSE",
      cause,
    });
  }
  return new HubError(error.message, { hint: hintFor(error.code), cause });
}

/** The errors of a WebSocket are texts only. */
function withCode(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  const code = /connection refused/i.test(cause.message)
    ? "ECONNREFUSED"
    : /WebSocket: dns error/.test(cause.message)
    ? "ENOTFOUND"
    : undefined;
  return code ? Object.assign(new Error(cause.message), { code }) : cause;
}

function hintFor(code: HttpClientErrorCode): string {
  switch (code) {
    case "host-not-found":
      return "check the name of the host in NATS_URL";
    case "unreachable":
    case "connect-timeout":
      return "check the address in NATS_URL, and that no firewall blocks the port";
    case "certificate-untrusted":
    case "certificate-unsupported":
      return "set NATS_CA to the path of the certificate, or of that of its authority (PEM)";
    case "certificate-name":
      return "set NATS_URL to the host name in its certificate";
    case "certificate-date":
      return "check the clock of this machine, and the certificate of the hub";
    case "permission-denied":
      return "start the server with `deno task start`, or with --allow-net";
    case "not-tls":
      return "check the port in NATS_URL";
    default:
      return "check that the hub is running and that NATS_URL is correct";
  }
}
