import { type Bytes, concat } from "../../lib/bytes.ts";
import { stallTimeouts } from "../../lib/camera/stall.ts";
import { type HttpResponse, request, type ResponseBody } from "../../lib/http1/mod.ts";
import type { Received } from "../../lib/received.ts";
import { relayLoops } from "../../lib/relay_loops.ts";
import { describeBytes } from "../../lib/sniff.ts";
import { failureOf, type Upstream, wrongContent } from "../../lib/upstream/mod.ts";

/** Settings of a request for a stream. */
export interface UpstreamSettings extends Upstream {
  /** See `RequestOptions.trust`. */
  readonly trust: string | undefined;
  readonly fps: number;
  /** The camera's name. */
  readonly camera: string;
}

/** A response with images. */
export interface Content {
  /** A multipart stream, or concatenated JPEGs. */
  readonly format: "multipart" | "jpegs";
  readonly response: HttpResponse;
  readonly body: ResponseBody;
}

/** Time limit for a connection attempt, in milliseconds: less than that for the first picture. */
const CONNECT_TIMEOUT = 5_000;
/** Types of responses in which images may follow a text. */
const MAY_BE_IMAGES = /^\s*(image|video|application\/octet-stream)\b/i;
/** Number of bytes after which a text is recognized. */
const MIN_TEXT = 64;

/**
 * Requests the stream, and checks that the response contains images.
 *
 * @param received Records what has arrived if that is not enough to recognize it.
 * @throws {CameraError} If it does not. {@link HttpClientError} If there is no response.
 */
export async function openUpstream(
  settings: UpstreamSettings,
  signal: AbortSignal,
  received: Received,
): Promise<Content> {
  const content = await tryUpstream(settings, { signal, received, preemptive: false });
  if (!("error" in content)) return content;
  // Some cameras send a log-in page instead of asking for the password.
  const { status, authentication, credentialsWithheld } = content.response;
  const mayHelp = settings.credentials && !authentication && !credentialsWithheld &&
    status !== 401 && status !== 407 && status !== 508;
  const second = mayHelp
    ? await tryUpstream(settings, { signal, received, preemptive: true })
    : content;
  if ("error" in second) throw second.error;
  return second;
}

interface Attempt {
  readonly signal: AbortSignal;
  readonly received: Received;
  /** See `RequestOptions`. */
  readonly preemptive: boolean;
}

/** Sends one request. */
async function tryUpstream(
  settings: UpstreamSettings,
  { signal, received, preemptive }: Attempt,
): Promise<Content | { error: Error; response: HttpResponse }> {
  const { url, credentials, trust, fps, camera } = settings;
  const response = await request({
    url,
    credentials,
    trust,
    preemptive,
    signal,
    headers: { Via: relayLoops.via(camera) },
    connectTimeout: CONNECT_TIMEOUT,
    // The request must fail before the camera counts as stalled: its failure names the reason.
    headTimeout: stallTimeouts(fps).firstFrame - 2_000,
  });
  const isSuccess = response.status >= 200 && response.status < 300;
  const error = isSuccess ? undefined : await failureOf(response, settings);
  if (error) {
    await response.body[Symbol.asyncDispose]();
    return { error, response };
  }
  const { format, body, head } = await recognize(response, received);
  if (format === "multipart" || format === "jpegs") return { format, response, body };
  await body[Symbol.asyncDispose]();
  return { error: wrongContent(response, head, settings), response };
}

/**
 * Reads as many bytes as are needed to recognize the content. If reading fails before, `received` records
 * the bytes.
 */
async function recognize(response: HttpResponse, received: Received) {
  const type = response.headers.get("Content-Type") ?? "";
  const chunks = response.body[Symbol.asyncIterator]();
  let head: Bytes = new Uint8Array(0);
  let format: Format | undefined;
  for (let done: boolean | undefined = false; !format && !done;) {
    let value: Bytes | undefined;
    try {
      ({ done, value } = await chunks.next());
    } catch (error) {
      received.add(head);
      throw error;
    }
    if (value) head = concat(head, value);
    format = formatOf(head, type, done ?? false);
  }
  return { format, head, body: new PeekedBody(head, chunks, response.body) };
}

type Format = "multipart" | "jpegs" | "other";

/** Returns the format of a body that begins with `head`; undefined if more bytes are needed. */
function formatOf(head: Bytes, type: string, isWhole: boolean): Format | undefined {
  const start = head.findIndex((byte) => byte !== 0x0d && byte !== 0x0a && byte !== 0x20);
  const content = start === -1 ? head.subarray(head.length) : head.subarray(start);
  const [first, second] = content;
  if (first === undefined || second === undefined) return isWhole ? "other" : undefined;
  if (first === 0xff && second === 0xd8) return "jpegs";
  if (/^multipart\//i.test(type) || first === 0x2d && second === 0x2d) return "multipart";
  if (content.length < MIN_TEXT && !isWhole) return undefined;
  if (/^content-[a-z-]+\s*:/i.test(latin1.decode(content.subarray(0, MIN_TEXT)))) {
    return "multipart";
  }
  const isText = /^(HTML|XML|JSON)/.test(describeBytes(content)) ||
    /^text\/|json|xml/i.test(type) ||
    /^text/.test(describeBytes(content)) && (!MAY_BE_IMAGES.test(type) || isWhole);
  return isText ? "other" : "jpegs";
}

const latin1 = new TextDecoder("latin1");

/** A body whose beginning has already been read. */
class PeekedBody implements ResponseBody {
  readonly #head: Bytes;
  readonly #chunks: AsyncIterator<Bytes>;
  readonly #body: ResponseBody;

  constructor(head: Bytes, chunks: AsyncIterator<Bytes>, body: ResponseBody) {
    this.#head = head;
    this.#chunks = chunks;
    this.#body = body;
  }

  get truncated(): boolean {
    return this.#body.truncated;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes> {
    try {
      if (this.#head.length) yield this.#head;
      for (let result; !(result = await this.#chunks.next()).done;) yield result.value;
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#body[Symbol.asyncDispose]();
  }
}
