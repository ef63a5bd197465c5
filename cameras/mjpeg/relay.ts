import type { Bytes } from "../../lib/bytes.ts";
import type { TimedJpeg } from "../../lib/camera/driver.ts";
import { systemClock } from "../../lib/clock.ts";
import { CameraError, ConfigError, ImmediateStop } from "../../lib/errors.ts";
import { type Jpeg, MAX_FRAME } from "../../lib/frame.ts";
import { HttpClientError, serverOf } from "../../lib/http1/mod.ts";
import { splitJpegs } from "../../lib/jpeg/split.ts";
import { type DecodeCounts, decodeMultipart } from "../../lib/multipart/decode.ts";
import { parseTimestamp } from "../../lib/multipart/part_header.ts";
import { PartImages } from "../../lib/multipart/part_images.ts";
import type { Received } from "../../lib/received.ts";
import {
  requestFailure,
  withFingerprint,
  wrongContent,
  WrongContentError,
} from "../../lib/upstream/mod.ts";
import { type Content, openUpstream, type UpstreamSettings } from "./upstream.ts";

/** Settings of {@link relay}. */
export type RelaySettings = UpstreamSettings;

/** Counters and received data that a relay reports besides its images. */
export interface RelayReport {
  readonly counts: DecodeCounts;
  readonly received: Received;
}

type Image = Jpeg | TimedJpeg;

/**
 * Delay before a retry after a failed request for a still image, in milliseconds; doubles up to the
 * maximum.
 */
const MIN_DELAY = 500, MAX_DELAY = 10_000;
/** Maximum time by which a capture time may be in the future, in milliseconds. */
const MAX_AHEAD = 86_400_000;

/**
 * Yields the images of another server: of a multipart stream, of concatenated JPEGs, or of a still
 * image, which is requested repeatedly.
 *
 * @throws {CameraError} If the images end.
 */
export async function* relay(
  settings: RelaySettings,
  signal: AbortSignal,
  report: RelayReport,
): AsyncGenerator<Image> {
  try {
    const content = await openUpstream(settings, signal, report.received);
    if (content.format === "multipart") yield* multipart(content, report);
    else yield* jpegs(content, settings, signal, report);
  } catch (error) {
    // A stall is reported together with the last failure.
    if (
      signal.aborted && !(signal.reason instanceof ImmediateStop && error instanceof CameraError)
    ) {
      return;
    }
    throw await toCameraError(error, settings, signal);
  }
}

async function* multipart(content: Content, report: RelayReport): AsyncGenerator<Image> {
  const type = content.response.headers.get("Content-Type") ?? "";
  for await (const { jpeg, timestamp } of decodeMultipart(content.body, type, report)) {
    yield withTime(jpeg, timestamp);
  }
  requireWhole(content);
}

/**
 * Yields concatenated JPEGs until they end, or a still image repeatedly until the signal aborts.
 */
async function* jpegs(
  first: Content,
  settings: RelaySettings,
  signal: AbortSignal,
  report: RelayReport,
): AsyncGenerator<Image> {
  const stills = new PartImages();
  for (let content = first;;) {
    const startedAt = systemClock.monotonic();
    const found = yield* imagesOf(content, stills, { ...report, settings });
    if (found > 1) return requireWhole(content);
    const nextAt = startedAt + 1000 / settings.fps;
    await systemClock.sleep(Math.max(0, nextAt - systemClock.monotonic()), signal);
    content = await openAgain(settings, signal, report.received);
    if (content.format === "multipart") return yield* multipart(content, report);
  }
}

/** Yields the images of one response. @returns Their number. */
async function* imagesOf(
  { body, response }: Content,
  stills: PartImages,
  { counts, received, settings }: RelayReport & { settings: RelaySettings },
): AsyncGenerator<Image, number> {
  const timestamp = parseTimestamp(response.headers.get("X-Timestamp") ?? "");
  const own = { broken: 0, skippedBytes: 0 };
  const kept = new KeptBytes(body);
  const images = splitJpegs(kept, { counts: own, received });
  let found = 0;
  let last: Jpeg | undefined;
  try {
    for await (const jpeg of images) {
      kept.discard();
      counts.broken += own.broken;
      own.broken = 0;
      yield ++found === 1 ? withTime(jpeg, timestamp) : jpeg;
      last = jpeg;
    }
    const whole = kept.bytes();
    if (found === 0 && kept.isTooLarge) return Infinity; // too large for a still image
    if (found === 0 && !(whole[0] === 0xff && whole[1] === 0xd8)) {
      throw wrongContent(response, whole, settings);
    }
    const still = found === 0 && !body.truncated
      ? stills.inPart(whole)
      : found === 1
      ? void stills.inPart(last!)
      : undefined;
    if (still) {
      found = 1;
      own.broken = 0;
      yield withTime(still.lacksEoi ? withEoi(still.bytes) : still.bytes, timestamp);
    }
    return found;
  } finally {
    counts.broken += own.broken;
    counts.skippedBytes += own.skippedBytes;
  }
}

/** Requests a still image again, with growing delays after temporary failures. */
async function openAgain(
  settings: RelaySettings,
  signal: AbortSignal,
  received: Received,
): Promise<Content> {
  for (let delay = MIN_DELAY;; delay = Math.min(2 * delay, MAX_DELAY)) {
    try {
      return await openUpstream(settings, signal, received);
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = await toCameraError(error, settings, signal);
      if (failure.permanent && !(failure instanceof WrongContentError)) throw failure;
      await systemClock.sleep(delay, signal).catch(() => {
        throw failure;
      });
    }
  }
}

/** @throws {CameraError} If the connection ended before the announced end of the body. */
function requireWhole({ body, response }: Content): void {
  if (!body.truncated) return;
  throw new CameraError(`The stream of ${serverOf(response.url)} was interrupted`);
}

async function toCameraError(
  error: unknown,
  settings: RelaySettings,
  signal: AbortSignal,
): Promise<CameraError> {
  if (error instanceof CameraError) return error;
  if (error instanceof TypeError && /certificate/.test(error.message)) {
    throw new ConfigError(`${error.message} (in SOURCE_CERT)`, { cause: error });
  }
  if (!(error instanceof HttpClientError)) throw error;
  const { code } = error;
  const { url } = settings;
  return await withFingerprint(requestFailure(error, settings), { code, url, signal });
}

/** Adds a capture time if it is plausible. */
function withTime(jpeg: Jpeg, timestamp: number | undefined): Image {
  const isPlausible = timestamp !== undefined && timestamp < systemClock.now() + MAX_AHEAD;
  return isPlausible ? { jpeg, capturedAt: timestamp } : jpeg;
}

function withEoi(image: Bytes): Jpeg {
  const jpeg = new Uint8Array(image.length + 2);
  jpeg.set(image);
  jpeg.set([0xff, 0xd9], image.length);
  return jpeg;
}

/** Forwards the chunks of a body, and keeps them until the first image has been found. */
class KeptBytes implements AsyncIterable<Bytes> {
  readonly #source: AsyncIterable<Bytes>;
  #chunks: Bytes[] | undefined = [];
  #length = 0;

  constructor(source: AsyncIterable<Bytes>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes> {
    for await (const chunk of this.#source) {
      this.#chunks?.push(chunk);
      if ((this.#length += chunk.length) > MAX_FRAME) this.discard();
      yield chunk;
    }
  }

  get isTooLarge(): boolean {
    return this.#length > MAX_FRAME;
  }

  discard(): void {
    this.#chunks = undefined;
  }

  /** Returns the whole body; empty if it is too large or contains a complete image. */
  bytes(): Bytes {
    const chunks = this.#chunks ?? [];
    const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}
