import { type Context, Hono } from "hono";
import type { Camera } from "../camera/camera.ts";
import { type MultipartFormat, multipartFormat } from "../multipart/encode.ts";
import {
  type DirectSender,
  type KeepAlive,
  openViewerStream,
  type Viewers,
} from "../streaming/mod.ts";
import { clientAddress, remoteAddress } from "./client_address.ts";
import type { Cameras } from "./cameras.ts";
import { orUnavailable, refuseLoop } from "./errors.ts";
import { LIVE_HEADERS } from "./headers.ts";
import { type QueryRange, readNumberQuery, readSwitchQuery } from "./query.ts";

/** mjpg-streamer's boundary. Its client accepts no other boundary. */
const MJPG_STREAMER_BOUNDARY = "boundarydonotcross";

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

const FPS_RANGE: QueryRange = {
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

/** Options of {@link streamRoutes}. */
export interface StreamRoutesOptions {
  cameras: Cameras;
  keepAlive: KeepAlive;
  viewers: Viewers;
  directTo?: DirectTo;
}

/** `GET /video_feed` and its aliases: a camera's frames, until the client disconnects. */
export function streamRoutes({ cameras, directTo, ...dependencies }: StreamRoutesOptions): Hono {
  return new Hono()
    .get("/video_feed", (c) => stream(c, cameras.get()))
    .get("/stream", (c) => stream(c, cameras.get()))
    .get(
      "/",
      (c, next) =>
        c.req.query("action") === "stream"
          ? stream(c, cameras.get(), MJPG_STREAMER_BOUNDARY)
          : next(),
    )
    .get("/cameras/:name/video_feed", (c) => stream(c, cameras.get(c.req.param("name"))));

  async function stream(c: Context, camera: Camera, boundary = "frame"): Promise<Response> {
    const { fps, advanceHeaders } = parseStreamQuery(c);
    const { format, chunked } = encodingFor(c.req.raw.headers, { boundary, advanceHeaders });
    const headers = { "Content-Type": format.contentType, ...LIVE_HEADERS };
    // Hono would drop the body of a HEAD response without cancelling it.
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    const via = c.req.header("Via");
    refuseLoop(camera, via);
    const openDirect = chunked ? undefined : () => directSender(c);
    const address = clientAddress(c);
    const opening = openViewerStream(camera, { ...dependencies, address, format, fps, openDirect });
    const body = await orUnavailable(camera, via, opening);
    if (!chunked) c.header("Content-Length", `${CONTENT_LENGTH}`);
    return c.body(body, 200, headers);
  }

  function directSender(c: Context): ReturnType<DirectTo> {
    const client = remoteAddress(c);
    // HTTP/2 forbids `Connection`, so its presence proves HTTP/1.
    return client && directTo?.(client, c.req.header("Connection") !== undefined);
  }
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
