import type { Context } from "hono";
import type { Bytes } from "../bytes.ts";
import { type MultipartFormat, multipartFormat } from "../multipart/encode.ts";
import type { DirectSender } from "../streaming/mod.ts";
import { clientAddress, remoteAddress } from "./client_address.ts";
import { LIVE_HEADERS } from "./headers.ts";
import { type QueryRange, readNumberQuery, readSwitchQuery } from "./query.ts";

/**
 * `Content-Length` of a stream, although the stream is endless. Deno copies every chunk of a
 * *chunked* response once more per viewer, a quarter of all work, but does not copy the body of a
 * response with a length. The length also makes truncation visible: Chromium then no longer
 * presents the last frame of an `<img>` as live.
 *
 * Of the clients in tests/clients/, only Firefox has a problem: it shows nothing in a top-level
 * window, so documents get chunked encoding. HTTP/1.0 has no chunked encoding.
 */
const CONTENT_LENGTH = Number.MAX_SAFE_INTEGER;

/** The valid values of `?fps=`. */
export const FPS_RANGE: QueryRange = {
  expected: "a number above 0 and at most 240",
  includes: (value) => value > 0 && value <= 240,
};

/**
 * Opens a client's connection for direct sends during the response that begins now; undefined if
 * that is not possible. `http1`: whether the client certainly uses HTTP/1.
 */
export type DirectTo = (
  client: Deno.NetAddr,
  http1: boolean,
) => DirectSender & { close(): void } | undefined;

/** What the client of a stream requests, and how to send it. */
export interface StreamRequest {
  /** The client's IP address. */
  readonly address: string;
  readonly format: MultipartFormat;
  /** Maximum frame rate. */
  readonly fps: number | undefined;
  /** Opens the client's connection for direct sends; undefined if the response is chunked. */
  readonly openDirect: (() => ReturnType<DirectTo>) | undefined;
}

/** Options of {@link streamResponse}. */
export interface StreamResponseOptions {
  /** @default {"frame"} */
  boundary?: string;
  directTo?: DirectTo;
  /** Opens the stream. A HEAD request does not call it. */
  open: (request: StreamRequest) => Promise<ReadableStream<Bytes>>;
}

/**
 * Responds with a stream of frames, in the encoding that the client can show.
 *
 * @throws {HttpError} 400 if a query parameter is not valid.
 */
export async function streamResponse(
  c: Context,
  { boundary = "frame", directTo, open }: StreamResponseOptions,
): Promise<Response> {
  const { fps, advanceHeaders } = parseStreamQuery(c);
  const { format, chunked } = encodingFor(c.req.raw.headers, { boundary, advanceHeaders });
  const headers = { "Content-Type": format.contentType, ...LIVE_HEADERS };
  // Hono would drop the body of a HEAD response without cancelling it.
  if (c.req.method === "HEAD") return c.body(null, 200, headers);
  const openDirect = chunked ? undefined : () => directSender(c, directTo);
  const body = await open({ address: clientAddress(c), format, fps, openDirect });
  if (!chunked) c.header("Content-Length", `${CONTENT_LENGTH}`);
  return c.body(body, 200, headers);
}

function directSender(c: Context, directTo: DirectTo | undefined): ReturnType<DirectTo> {
  const client = remoteAddress(c);
  // HTTP/2 forbids `Connection`, so its presence proves HTTP/1.
  return client && directTo?.(client, c.req.header("Connection") !== undefined);
}

interface StreamQuery {
  /** Maximum frame rate. */
  readonly fps: number | undefined;
  /** Whether to send each part's headers in advance; undefined: as the client needs it. */
  readonly advanceHeaders: boolean | undefined;
}

function parseStreamQuery(c: Context): StreamQuery {
  return {
    fps: readNumberQuery(c, "fps", FPS_RANGE),
    advanceHeaders: readSwitchQuery(c, "advance_headers"),
  };
}

interface Encoding {
  readonly format: MultipartFormat;
  /** Whether the response has chunked encoding instead of a `Content-Length`. */
  readonly chunked: boolean;
}

/** Chooses an encoding that the client can show. */
function encodingFor(
  headers: Headers,
  { boundary, advanceHeaders }: { boundary: string; advanceHeaders: boolean | undefined },
): Encoding {
  const use = useOf(headers);
  // Chromium and WebKit paint a part only when they have received the headers of the next part.
  const format = multipartFormat(boundary, advanceHeaders ?? use !== "bytes");
  return { format, chunked: use === "document" };
}

/**
 * Guesses the use of a stream: an `<img>`, a browser's window or frame, or a program that reads
 * bytes. Browsers send `Sec-Fetch-Dest` to secure origins only; over plain HTTP in a home network,
 * only `Accept` shows the use.
 */
function useOf(headers: Headers): "image" | "document" | "bytes" {
  const destination = headers.get("Sec-Fetch-Dest") ?? headers.get("Accept") ?? "";
  if (/^image(\/|$)/.test(destination)) return "image";
  const isDocument = /^(document|i?frame|embed|object|text\/html,application\/xhtml.*)$/;
  return isDocument.test(destination) ? "document" : "bytes";
}
