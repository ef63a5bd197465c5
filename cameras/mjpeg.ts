import { type CameraDriver, readFps, type TimedJpeg } from "../lib/camera/driver.ts";
import { cameraName, type Env, variableName } from "../lib/env.ts";
import { CameraError, ConfigError } from "../lib/errors.ts";
import type { Jpeg } from "../lib/frame.ts";
import { type DecodeCounts, decodeMultipart } from "../lib/multipart/decode.ts";
import { quote } from "../lib/quote.ts";
import { RelayLoopError, relayLoops } from "../lib/relay_loops.ts";
import requirements from "./mjpeg/requirements.ts";

interface Settings {
  readonly url: URL;
  /** `user:password`, or empty. */
  readonly credentials: string;
  readonly fps: number;
  /** The camera's name. */
  readonly camera: string;
}

const MAX_REDIRECTS = 5;
/** How much of the upstream server's error message is reported, in characters. */
const MAX_REASON_LENGTH = 300;

/**
 * The stream of another server, over one connection for all viewers:
 * `SOURCE=http://user:password@host/path`. The capture times of that server are kept.
 */
export default {
  requirements,
  configure(env) {
    const { url, credentials } = readSource(env);
    // When a camera has no new frame, other servers repeat the last one, some only every 5 s. The
    // default of 1 fps keeps such a pause from counting as a stall.
    return { url, credentials, fps: readFps(env) ?? 1, camera: cameraName(env) };
  },
  open(settings, signal) {
    const counts = { broken: 0, skippedBytes: 0 };
    return Object.assign(relay(settings, signal, counts), { counts });
  },
} satisfies CameraDriver<Settings>;

async function* relay(
  { url, credentials, camera }: Settings,
  signal: AbortSignal,
  counts: DecodeCounts,
): AsyncGenerator<Jpeg | TimedJpeg> {
  let failure = `Cannot get the stream of ${url.host}`;
  try {
    const response = await request(url, { credentials, via: relayLoops.via(camera) }, signal);
    const type = response.headers.get("Content-Type") ?? "";
    const body = await streamOf(response, type);
    failure = `The stream of ${url.host} was interrupted`;
    for await (const { jpeg, timestamp } of decodeMultipart(body, type, { counts })) {
      yield isPlausible(timestamp) ? { jpeg, capturedAt: timestamp } : jpeg;
    }
  } catch (error) {
    if (!signal.aborted) throw asCameraError(error, failure);
  }
}

/** Whether a timestamp can be a capture time: it is at most a day in the future. */
function isPlausible(timestamp: number | undefined): timestamp is number {
  return timestamp !== undefined && timestamp < Date.now() + 86_400_000;
}

function readSource(env: Env): { url: URL; credentials: string } {
  const text = env.SOURCE?.trim() ?? "";
  const name = variableName(env, "SOURCE");
  if (!text) {
    throw new ConfigError(
      `Cannot use camera driver "mjpeg" without ${name}: set it to the URL of a stream, ` +
        'such as "http://192.168.1.20:8000/video_feed"',
    );
  }
  const url = URL.parse(text);
  if (!url || !isHttp(url)) {
    const redacted = quote(text.replace(/^(\w+:)?(\/\/)?.*@/, "$1$2…@"));
    throw new ConfigError(
      `Cannot read ${name} as an http or https URL: current value is ${redacted}`,
    );
  }
  const [user, password] = [url.username, url.password].map(decode);
  url.username = url.password = "";
  return { url, credentials: user || password ? `${user}:${password}` : "" };
}

function isHttp({ protocol }: URL): boolean {
  return protocol === "http:" || protocol === "https:";
}

/** Decodes `%40` to `@`. Text that is not percent-encoded stays unchanged. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Requests the stream and follows redirects to http and https URLs. */
async function request(
  source: URL,
  { credentials, via }: { credentials: string; via: string },
  signal: AbortSignal,
): Promise<Response> {
  let url = source;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    // Another server must not get the password.
    const authenticate = credentials && url.origin === source.origin;
    const headers: HeadersInit = {
      Via: via,
      ...authenticate && { Authorization: `Basic ${base64(credentials)}` },
    };
    const response = await fetch(url, { headers, signal, redirect: "manual" });
    const location = response.headers.get("Location");
    if (![301, 302, 303, 307, 308].includes(response.status) || !location) return response;
    await response.body?.cancel();
    const next = URL.parse(location, url);
    if (!next || !isHttp(next)) {
      throw new CameraError(`${url.host} redirects to a URL that is neither http nor https`);
    }
    next.username = next.password = "";
    url = next;
  }
  throw new CameraError(`Too many redirects from ${source.host}`);
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

/**
 * The body of a response that is a stream.
 *
 * @throws {CameraError} If the response is not a stream.
 */
async function streamOf(
  { url, status, ok, body }: Response,
  type: string,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  // Not every server declares multipart, so only a type that cannot be a stream is refused.
  if (ok && body && !/^(text|image)\/|json/i.test(type)) return body;
  const { host } = new URL(url);
  const reason = /^text\/plain|json/i.test(type) ? await firstLine(body) : "";
  if (!body?.locked) await body?.cancel();
  if (status === 508) throw new RelayLoopError(host);
  if (status === 401 || status === 403) {
    throw new CameraError(`${host} requires another user name and password (status ${status})`, {
      hint: "add them to SOURCE: http://user:password@host/…",
      permanent: true, // repeated attempts could lock the user out
    });
  }
  if (!ok) {
    throw new CameraError(`${host} responded with status ${status}${reason && `: ${reason}`}`);
  }
  throw new CameraError(`${host} sent ${type || "no content"} instead of a stream of JPEGs`, {
    hint: "SOURCE must be the URL of the stream itself; for dinocam: http://host:8000/video_feed",
    permanent: true,
  });
}

/** Reads the first line of a text, shortened and without control characters. */
async function firstLine(body: ReadableStream<Uint8Array<ArrayBuffer>> | null): Promise<string> {
  let text = "";
  if (!body) return text;
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.length > MAX_REASON_LENGTH) break;
  }
  const line = text.trim().split("\n")[0]!.slice(0, MAX_REASON_LENGTH);
  // deno-lint-ignore no-control-regex
  return line.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "");
}

/** Converts an error, without the URL, which may contain a key. */
function asCameraError(error: unknown, failure: string): CameraError {
  if (error instanceof CameraError) return error;
  while (error instanceof Error && error.cause !== undefined) error = error.cause;
  const reason = String(error instanceof Error ? error.message : error)
    .replace(/^.*for url \(.*?\): /s, "").replace(/^client error \(\w+\): /, "");
  return new CameraError(`${failure}: ${reason}`, {
    hint: "check that the server is running and that the URL in SOURCE is correct",
  });
}
