import type { Bytes } from "../../lib/bytes.ts";
import { CameraError } from "../../lib/errors.ts";
import {
  type HttpClientError,
  type HttpClientErrorCode,
  type HttpResponse,
  request,
  serverOf,
} from "../../lib/http1/mod.ts";
import type { Redactor } from "../../lib/redact.ts";
import { RelayLoopError } from "../../lib/relay_loops.ts";
import { describeBytes } from "../../lib/sniff.ts";

/** Hint for a source that sends data, but no picture. */
export const STREAM_HINT =
  "SOURCE must be the URL of the stream itself; for dinocam: http://host:8000/video_feed";

/** Maximum length of reported text from the other server, in characters. */
const MAX_TEXT = 300;
/** Maximum number of bytes of that text that are read. */
const MAX_TEXT_READ = 8_192;

/** The settings that a failure refers to. */
interface Source {
  /** Without credentials. */
  readonly url: URL;
  readonly credentials: unknown;
  readonly redactor: Redactor;
}

/** Converts an error response to a failure. */
export async function failureOf(response: HttpResponse, source: Source): Promise<CameraError> {
  const { status } = response;
  const server = serverOf(response.url);
  if (status === 508) return new RelayLoopError(server);
  if (status === 407) {
    return new CameraError(`A proxy in front of ${server} requires a password (status 407)`, {
      hint: "set SOURCE to an address of the camera that is reachable without a proxy",
    });
  }
  if (status === 401 || status === 403) return denial(response, source);
  const text = source.redactor.redact(await readText(response));
  const reason = firstLineOf(text);
  return new CameraError(`${server} responded with status ${status}${reason && `: ${reason}`}`, {
    hint: status === 404 || status === 410 ? "check the path of the URL in SOURCE" : undefined,
  });
}

/**
 * Returns the failure for a status 401 or 403. It is permanent: repeated attempts could lock the
 * user out.
 */
function denial(response: HttpResponse, { url, credentials }: Source): CameraError {
  const { status } = response;
  const server = serverOf(response.url);
  if (response.credentialsWithheld) {
    const message = `${serverOf(url)} redirects to ${server}, which requires a password ` +
      `(status ${status}): it is not sent to another server`;
    return new CameraError(message, {
      hint: "set SOURCE to the URL at that server, with its user name and password",
      permanent: true,
    });
  }
  const scheme = unsupportedScheme(response);
  if (credentials && scheme) {
    const message =
      `${server} requires a kind of log-in that is not supported: ${scheme} (status ${status})`;
    return new CameraError(message, {
      hint: "enable Digest or Basic authentication in the camera's settings",
      permanent: true,
    });
  }
  const [problem, advice] = credentials
    ? ["rejects the user name and the password", "correct them in SOURCE"]
    : ["requires a user name and a password", "add them to SOURCE"];
  return new CameraError(`${server} ${problem} (status ${status})`, {
    hint: `${advice}: http://user:password@host/…`,
    permanent: true,
  });
}

/** Returns the authentication scheme that a server requires, if it is not supported. */
function unsupportedScheme({ status, authentication, headers }: HttpResponse): string | undefined {
  if (status !== 401 || authentication) return undefined;
  const [, scheme = "", rest = ""] = /^\s*([\w-]{1,20})(.*)$/s.exec(
    headers.all("WWW-Authenticate").join(", "),
  ) ?? [];
  const [, algorithm] = /algorithm\s*=\s*"?([\w-]{1,20})/i.exec(rest) ?? [];
  return scheme && (algorithm ? `${scheme} with ${algorithm}` : scheme) || undefined;
}

/** A response without images. It may be temporary: a still image is requested again. */
export class WrongContentError extends CameraError {
  override name = "WrongContentError";
}

/** Creates the failure for a response that contains no images. @param head Its first bytes. */
export function wrongContent(response: HttpResponse, head: Bytes, source: Source): CameraError {
  const server = serverOf(response.url);
  const isEmpty = head.length === 0;
  const kind = describe(head, source.redactor);
  const content = isEmpty ? "no content" : kind === "HTML" ? "a web page (HTML)" : kind;
  const type = typeOf(response, source.redactor);
  const declared = type && !isEmpty ? ` of type ${type}` : "";
  const withheld = response.credentialsWithheld
    ? `, after a redirect from ${serverOf(source.url)}: the password is not sent to another server`
    : "";
  return new WrongContentError(
    `${server} sent ${content}${declared} instead of a stream of JPEGs${withheld}`,
    {
      hint: kind === "HTML"
        ? `${STREAM_HINT}; this page may be from a log-in form or a proxy`
        : STREAM_HINT,
      permanent: !isEmpty || response.status === 204,
    },
  );
}

/** Returns the format of bytes. Hides the secrets in quoted text. */
function describe(bytes: Bytes, redactor: Redactor): string {
  const kind = describeBytes(bytes);
  if (!kind.startsWith("text")) return kind;
  const text = redactor.redact(new TextDecoder().decode(bytes));
  return describeBytes(new TextEncoder().encode(text));
}

function typeOf(response: HttpResponse, redactor: Redactor): string {
  const type = redactor.redact(response.headers.get("Content-Type") ?? "").split(";")[0]!;
  return type.replaceAll(/[^ -~…]/g, "").trim().slice(0, 80);
}

/**
 * Reads the beginning of a response that is a text message; returns an empty text for other types.
 */
async function readText({ headers, body }: HttpResponse): Promise<string> {
  if (!/^text\/plain|json/i.test(headers.get("Content-Type") ?? "")) return "";
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    if ((length += bytes.length) > MAX_TEXT_READ) break;
  }
  return text;
}

function firstLineOf(text: string): string {
  const line = text.trim().split(/[\r\n]/)[0]!.slice(0, MAX_TEXT);
  // deno-lint-ignore no-control-regex
  return line.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "");
}

const CERT_HINT = "set SOURCE_CERT to the path of its certificate (PEM), or to its fingerprint";

/** Hints for failed requests. */
const HINTS: Partial<Record<HttpClientErrorCode, string>> = {
  "connect-timeout": "check the address in SOURCE, and that no firewall blocks the port",
  "host-not-found": "check the name of the host in SOURCE",
  "head-timeout": "if it sends less than one picture every few seconds, set FPS to its frame rate",
  "certificate-untrusted": CERT_HINT,
  "certificate-name": `set SOURCE to the host name in its certificate, or ${CERT_HINT}`,
  "certificate-unsupported": CERT_HINT,
  "certificate-date": `check the clock of this machine, or ${CERT_HINT}`,
  "certificate-fingerprint":
    "if the camera has a new certificate, set SOURCE_CERT to this fingerprint",
  "not-tls": "SOURCE must begin with http:// instead of https://",
  "permission-denied": "start the server with `deno task start`, or with --allow-net",
  "unsupported-encoding": "disable compression in the camera's settings",
};
const DEFAULT_HINT = "check that the server is running and that the URL in SOURCE is correct";

/** Converts the failure of a request. The result contains only the host and the port of the URL. */
export function requestFailure(error: HttpClientError, server: string): CameraError {
  const isInterrupted = error.code === "reset" || error.code === "bad-chunk" ||
    error.code === "overflow";
  const message = isInterrupted
    ? `The stream of ${server} was interrupted: ${error.message}`
    : error.message;
  return new CameraError(message, { hint: HINTS[error.code] ?? DEFAULT_HINT, cause: error.cause });
}

/**
 * Adds the fingerprint of a certificate that is not trusted to the hint, so that the user can
 * compare and trust it.
 */
export async function withFingerprint(
  failure: CameraError,
  { code, url, signal }: { code: HttpClientErrorCode; url: URL; signal: AbortSignal },
): Promise<CameraError> {
  const isCertificate = /^certificate-(untrusted|name|unsupported|date)$/.test(code) &&
    failure.message.includes(serverOf(url));
  if (!isCertificate) return failure;
  // No certificate has this fingerprint. Nothing is sent before the check.
  const trust = `sha256:${"0".repeat(64)}`;
  const error: unknown = await request({ url, signal, trust, connectTimeout: 3_000 }).catch((
    error,
  ) => error);
  const fingerprint = /sha256:[\da-f]{64}/.exec(error instanceof Error ? error.message : "")?.[0];
  if (!fingerprint) return failure;
  const hint = `${failure.hint}; its current fingerprint is ${fingerprint}`;
  return new CameraError(failure.message, { hint, cause: failure.cause });
}
