import { type CameraDriver, readCaptureSettings, type TimedJpeg } from "../lib/camera/driver.ts";
import { type Env, variableName } from "../lib/env.ts";
import { CameraError, ConfigError } from "../lib/errors.ts";
import type { Jpeg } from "../lib/frame.ts";
import { type DecodeCounts, decodeMultipart } from "../lib/multipart/decode.ts";
import requirements from "./mjpeg/requirements.ts";

interface Settings {
  readonly url: URL;
  /** `user:password`, or empty. */
  readonly credentials: string;
  readonly fps: number;
}

const REDIRECTS = 5;
/** Of what the other server says of its failure, this many characters are told. */
const REASON = 300;

/**
 * Another server's stream, of one connection for all viewers here: `SOURCE=http://user:password@host/path`.
 * The time stamps of that server are kept.
 */
export default {
  requirements,
  configure(env) {
    const { url, credentials } = readSource(env);
    // Other servers repeat a picture when there is no new one, some only every 5 s: without a wish for a
    // rate that is no reason to begin again.
    return { url, credentials, fps: readCaptureSettings(env).fps ?? 1 };
  },
  open(settings, signal) {
    const counts = { broken: 0, skippedBytes: 0 };
    return Object.assign(relay(settings, signal, counts), { counts });
  },
} satisfies CameraDriver<Settings>;

async function* relay(
  { url, credentials }: Settings,
  signal: AbortSignal,
  counts: DecodeCounts,
): AsyncGenerator<Jpeg | TimedJpeg> {
  let failure = `Cannot get the stream of ${url.host}`;
  try {
    const response = await request(url, credentials, signal);
    const type = response.headers.get("Content-Type") ?? "";
    const body = await streamOf(response, type);
    failure = `The stream of ${url.host} broke off`;
    for await (const { jpeg, timestamp } of decodeMultipart(body, type, { counts })) {
      yield isDate(timestamp) ? { jpeg, capturedAt: timestamp } : jpeg;
    }
  } catch (error) {
    if (!signal.aborted) throw asCameraError(error, failure);
  }
}

/** Whether a time stamp can be: a clock that is behind is bad enough, one far ahead is wrong for sure. */
function isDate(timestamp: number | undefined): timestamp is number {
  return timestamp !== undefined && timestamp < Date.now() + 86_400_000;
}

function readSource(env: Env): { url: URL; credentials: string } {
  const text = env.SOURCE?.trim() ?? "";
  const name = variableName(env, "SOURCE");
  if (!text) {
    throw new ConfigError(
      `Cannot use camera driver "mjpeg" without ${name}: set it to a stream's address, ` +
        'as "http://192.168.1.20:8000/video_feed"',
    );
  }
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) {
    const shown = JSON.stringify(text.replace(/^(\w+:)?(\/\/)?.*@/, "$1$2…@"));
    throw new ConfigError(
      `Cannot read ${name} as an http or https address: current value is ${shown}`,
    );
  }
  const [user, password] = [url.username, url.password].map(decode);
  url.username = url.password = "";
  return { url, credentials: user || password ? `${user}:${password}` : "" };
}

/** `%40` → `@`; a text that is not encoded stays as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Asks for the stream, and follows where the server points to: nowhere but by http and https. */
async function request(url: URL, credentials: string, signal: AbortSignal): Promise<Response> {
  let at = url;
  for (let redirects = 0; redirects <= REDIRECTS; redirects++) {
    // Another server is not told the password.
    const secret = credentials && at.origin === url.origin;
    const headers: HeadersInit = secret ? { Authorization: `Basic ${base64(credentials)}` } : {};
    const response = await fetch(at, { headers, signal, redirect: "manual" });
    const location = response.headers.get("Location");
    if (![301, 302, 303, 307, 308].includes(response.status) || !location) return response;
    await response.body?.cancel();
    const next = URL.parse(location, at);
    if (!next || !/^https?:$/.test(next.protocol)) {
      throw new CameraError(`${at.host} points to an address that is neither http nor https`);
    }
    next.username = next.password = "";
    at = next;
  }
  throw new CameraError(`${url.host} points from one address to the next without end`);
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

/** The body of an answer that is a stream. @throws {CameraError} Why it is none. */
async function streamOf(
  { url, status, ok, body }: Response,
  type: string,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  // Not every server says multipart; what says that it is something else is.
  if (ok && body && !/^(text|image)\/|json/i.test(type)) return body;
  const { host } = new URL(url);
  const reason = /^text\/plain|json/i.test(type) ? await beginning(body) : "";
  if (!body?.locked) await body?.cancel();
  if (status === 401 || status === 403) {
    throw new CameraError(`${host} wants another user and password (status ${status})`, {
      hint: "put them into SOURCE: http://user:password@host/…",
      permanent: true, // too many tries would lock the user out
    });
  }
  if (!ok) throw new CameraError(`${host} answers ${status}${reason && `: ${reason}`}`);
  throw new CameraError(`${host} gives ${type || "nothing"} at that address, no stream of JPEGs`, {
    hint: "SOURCE is the stream's own address: of another dinocam http://host:8000/video_feed",
    permanent: true,
  });
}

/** The first line of a text. */
async function beginning(body: ReadableStream<Uint8Array<ArrayBuffer>> | null): Promise<string> {
  let text = "";
  if (!body) return text;
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.length > REASON) break;
  }
  // deno-lint-ignore no-control-regex
  return text.trim().split("\n")[0]!.slice(0, REASON).replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "");
}

/** What went wrong, without the address: there may be a key in it. */
function asCameraError(error: unknown, failure: string): CameraError {
  if (error instanceof CameraError) return error;
  while (error instanceof Error && error.cause !== undefined) error = error.cause;
  const reason = String(error instanceof Error ? error.message : error)
    .replace(/^.*for url \(.*?\): /s, "").replace(/^client error \(\w+\): /, "");
  return new CameraError(`${failure}: ${reason}`, {
    hint: "is that server running, and its address right?",
  });
}
