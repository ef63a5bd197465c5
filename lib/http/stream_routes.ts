import { type Context, Hono } from "hono";
import { limitFps } from "../streaming/limit_fps.ts";
import type { Camera } from "../camera/camera.ts";
import { type DirectSender, ViewerStream } from "../streaming/viewer_stream.ts";
import { multipartFormat } from "../multipart/encode.ts";
import { clientAddress, remoteAddress } from "./client_address.ts";
import type { Cameras } from "./cameras.ts";
import { orUnavailable } from "./errors.ts";
import { type KeepAlive, STALLED } from "../streaming/keep_alive.ts";
import { readNumberQuery, readSwitchQuery } from "./query.ts";
import type { Viewers } from "../streaming/viewers.ts";

/** mjpg-streamer's boundary: its own client accepts no other. */
const MJPG_STREAMER_BOUNDARY = "boundarydonotcross";

/**
 * The length that a stream claims. It has none; but what has a length Deno sends from the memory where it
 * is, and what has none in chunks, for which it copies each frame once more for every viewer: a quarter of
 * all the work. A stream that ends short of it is told from one that is complete: an `<img>` in Chromium
 * then no longer shows its last frame as if it were live. Of the clients in tests/clients/ one minds:
 * Firefox shows no picture in a window of its own, so a page gets chunks. HTTP/1.0 knows none.
 */
const CLAIMED_LENGTH = Number.MAX_SAFE_INTEGER;

/** Nothing on the way may keep, change or hold back a picture. */
export const LIVE_HEADERS = {
  "Cache-Control": "no-store, no-cache, must-revalidate, max-age=0, no-transform",
  "Pragma": "no-cache",
  "Expires": "Mon, 3 Jan 2000 12:34:56 GMT",
  "X-Accel-Buffering": "no",
  "X-Content-Type-Options": "nosniff",
};

/**
 * Finds the shorter way to a client for the response that begins now; undefined if there is none.
 * `http1`: whether the client surely speaks HTTP/1.
 */
export type DirectTo = (
  client: Deno.NetAddr,
  http1: boolean,
) => DirectSender & { close(): void } | undefined;

/** What the streams need. */
export interface StreamRoutesOptions {
  cameras: Cameras;
  keepAlive: KeepAlive;
  viewers: Viewers;
  directTo?: DirectTo;
}

/** `GET /video_feed` and its aliases: a camera's frames, one part after another, while the client stays. */
export function streamRoutes(options: StreamRoutesOptions): Hono {
  const { cameras, keepAlive, viewers, directTo } = options;
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
    const fps = readNumberQuery(c, "fps", {
      wanted: "a number above 0 and at most 240",
      holds: (value) => value > 0 && value <= 240,
    });
    const use = useOf(c.req.raw.headers);
    // Chromium and WebKit paint a part only when they have the header of the next one.
    const advance = readSwitchQuery(c, "advance_headers") ?? use !== "bytes";
    const format = multipartFormat(boundary, advance);
    const headers = { "Content-Type": format.contentType, ...LIVE_HEADERS };
    if (c.req.method === "HEAD") return c.body(null, 200, headers); // Hono drops a HEAD's body uncancelled
    const visit = viewers.admit(clientAddress(c), camera.name);
    const remote = use === "page" ? undefined : remoteAddress(c);
    // HTTP/2 has no such header.
    const direct = remote && directTo?.(remote, c.req.header("Connection") !== undefined);
    const body = new ViewerStream({
      format,
      direct,
      wanted: fps === undefined ? undefined : limitFps(fps),
      onDelivered: (frame, bytes) => camera.countDelivered(frame, bytes),
      onDropped: () => camera.countDropped("viewer"),
      onEnd: () => {
        camera.leave(body);
        keepAlive.delete(body);
        direct?.close();
        const reason = body.stalled >= STALLED ? "stalled" : undefined;
        visit.end({ frames: body.sent, dropped: body.dropped, reason });
      },
    });
    camera.join(body);
    keepAlive.add(body, camera);
    try {
      await orUnavailable(camera, camera.ready());
    } catch (error) {
      body.end();
      throw error;
    }
    visit.begin();
    if (use !== "page") c.header("Content-Length", `${CLAIMED_LENGTH}`);
    return c.body(body.stream, 200, headers);
  }
}

/**
 * What a stream is for: an `<img>`, a page of its own in a browser's window or frame, or bytes for a program.
 * Browsers say so only on the way to a safe origin; over plain HTTP in a home it shows in what they accept.
 */
function useOf(headers: Headers): "image" | "page" | "bytes" {
  const destination = headers.get("Sec-Fetch-Dest") ?? headers.get("Accept") ?? "";
  if (/^image(\/|$)/.test(destination)) return "image";
  const isPage = /^(document|i?frame|embed|object|text\/html,application\/xhtml.*)$/;
  return isPage.test(destination) ? "page" : "bytes";
}
