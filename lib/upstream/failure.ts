import type { Bytes } from "../bytes.ts";
import { CameraError } from "../errors.ts";
import {
  type Credentials,
  type HttpClientError,
  type HttpClientErrorCode,
  type HttpResponse,
  request,
  serverOf,
} from "../http1/mod.ts";
import type { Redactor } from "../redact.ts";
import { RelayLoopError } from "../relay_loops.ts";
import { describeBytes } from "../sniff.ts";

/** Maximum length of reported text from the other server, in characters. */
const MAX_TEXT = 300;
/** Maximum number of bytes of that text that are read. */
const MAX_TEXT_READ = 8_192;

/** Another server, for the messages about its failures. */
export interface Upstream {
  /** Without credentials. */
  readonly url: URL;
  readonly credentials: Credentials | undefined;
  /** Hides the secrets of the address. */
  readonly redactor: Redactor;
  /** Name of the setting with the address: `SOURCE`. */
  readonly setting: string;
  /** What the server should send: "a stream of JPEGs". */
  readonly wanted: string;
  /** What the user can do if it sends something else. */
  readonly wantedHint: string;
  /** What the user can do if it does not respond. */
  readonly silentHint: string;
}

/**
 * Returns the server of a response for messages. A redirect can contain secrets in place of a host.
 */
function nameOf(url: URL, { url: own, redactor }: Upstream): string {
  return url.host === own.host ? serverOf(url) : redactor.redact(serverOf(url));
}

/** Returns the failure that a response without success stands for. */
export async function failureOf(response: HttpResponse, source: Upstream): Promise<CameraError> {
  const { status } = response;
  const server = nameOf(response.url, source);
  if (status === 508) return new RelayLoopError(server, source.setting);
  if (status === 407) {
    return new CameraError(`A proxy in front of ${server} requires a password (status 407)`, {
      hint: `set ${source.setting} to an address of the server that is reachable without a proxy`,
    });
  }
  if (status === 401 || status === 403) return denial(response, source);
  const text = source.redactor.redact(await readText(response));
  const reason = firstLineOf(text);
  return new CameraError(`${server} responded with status ${status}${reason && `: ${reason}`}`, {
    hint: status === 404 || status === 410
      ? `check the path of the URL in ${source.setting}`
      : undefined,
  });
}

/**
 * Returns the failure for a status 401 or 403. It is permanent: repeated attempts could lock the
 * user out.
 */
function denial(response: HttpResponse, source: Upstream): CameraError {
  const { url, credentials, redactor, setting } = source;
  const { status } = response;
  const server = nameOf(response.url, source);
  if (response.credentialsWithheld) {
    const message = `${serverOf(url)} redirects to ${server}, which requires a password ` +
      `(status ${status}): it is not sent to another server`;
    return new CameraError(message, {
      hint: `set ${setting} to the URL at that server, with its user name and password`,
      permanent: true,
    });
  }
  const scheme = redactor.redact(unsupportedScheme(response) ?? "");
  if (credentials && scheme) {
    const message =
      `${server} requires a kind of log-in that is not supported: ${scheme} (status ${status})`;
    return new CameraError(message, {
      hint: "enable Digest or Basic authentication in the camera's settings",
      permanent: true,
    });
  }
  const [problem, advice] = credentials
    ? ["rejects the user name and the password", `correct them in ${setting}`]
    : ["requires a user name and a password", `add them to ${setting}`];
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

/** A response without the wanted content. It may be temporary: a still image is requested again. */
export class WrongContentError extends CameraError {
  override name = "WrongContentError";
}

/**
 * Creates the failure for a response that contains something else than is wanted.
 *
 * @param head Its first bytes.
 */
export function wrongContent(response: HttpResponse, head: Bytes, source: Upstream): CameraError {
  const server = nameOf(response.url, source);
  const isEmpty = head.length === 0;
  const kind = describe(head, source.redactor);
  const content = isEmpty ? "no content" : kind === "HTML" ? "a web page (HTML)" : kind;
  const type = typeOf(response, source.redactor);
  const declared = type && !isEmpty ? ` of type ${type}` : "";
  const withheld = response.credentialsWithheld
    ? `, after a redirect from ${serverOf(source.url)}: the password is not sent to another server`
    : "";
  return new WrongContentError(
    `${server} sent ${content}${declared} instead of ${source.wanted}${withheld}`,
    {
      hint: kind === "HTML"
        ? `${source.wantedHint}; this page may be from a log-in form or a proxy`
        : source.wantedHint,
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

/** Returns the hint for a failed request. */
function hintFor(code: HttpClientErrorCode, { setting, silentHint }: Upstream): string {
  switch (code) {
    case "connect-timeout":
      return `check the address in ${setting}, and that no firewall blocks the port`;
    case "host-not-found":
      return `check the name of the host in ${setting}`;
    case "head-timeout":
      return silentHint;
    case "certificate-untrusted":
    case "certificate-unsupported":
      return CERT_HINT;
    case "certificate-name":
      return `set ${setting} to the host name in its certificate, or ${CERT_HINT}`;
    case "certificate-date":
      return `check the clock of this machine, or ${CERT_HINT}`;
    case "certificate-fingerprint":
      return "if the server has a new certificate, set SOURCE_CERT to this fingerprint";
    case "not-tls":
      return `${setting} must begin with http:// instead of https://`;
    case "permission-denied":
      return "start the server with `deno task start`, or with --allow-net";
    case "unsupported-encoding":
      return "disable compression in the settings of that server";
    default:
      return `check that the server is running and that the URL in ${setting} is correct`;
  }
}

/**
 * Converts the failure of a request. It contains nothing of the URL but host and port.
 *
 * @param source The message is that of another server or of a redirect if it does not name this
 * one.
 */
export function requestFailure(error: HttpClientError, source: Upstream): CameraError {
  const server = serverOf(source.url);
  const isInterrupted = error.code === "reset" || error.code === "bad-chunk" ||
    error.code === "overflow";
  const message = isInterrupted
    ? `The stream of ${server} was interrupted: ${error.message}`
    : error.message.includes(server) && error.code !== "bad-redirect"
    ? error.message
    : error.message.split(server).map((text) => source.redactor.redact(text)).join(server);
  return new CameraError(message, { hint: hintFor(error.code, source), cause: error.cause });
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
