import { type Context, Hono } from "hono";
import type { Camera } from "../camera/camera.ts";
import { type KeepAlive, openViewerStream, type Viewers } from "../streaming/mod.ts";
import type { Cameras } from "./cameras.ts";
import { orUnavailable, refuseLoop } from "./errors.ts";
import type { Renditions } from "../renditions/mod.ts";
import { type DirectTo, streamResponse } from "./stream_response.ts";
import { readWantedQuery } from "./wanted_query.ts";

/** mjpg-streamer's boundary. Its client accepts no other boundary. */
const MJPG_STREAMER_BOUNDARY = "boundarydonotcross";

/** Options of {@link streamRoutes}. */
export interface StreamRoutesOptions {
  cameras: Cameras;
  renditions: Renditions;
  keepAlive: KeepAlive;
  viewers: Viewers;
  directTo?: DirectTo;
}

/**
 * `GET /video_feed` and its aliases: a camera's frames, until the client disconnects. `?height=`,
 * `?quality=` and `?overlay=1` select a rendition.
 */
export function streamRoutes(options: StreamRoutesOptions): Hono {
  const { cameras, renditions, directTo, ...dependencies } = options;
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

  function stream(c: Context, camera: Camera, boundary?: string): Promise<Response> {
    const wanted = readWantedQuery(c);
    return streamResponse(c, {
      boundary,
      directTo,
      open: (request) => {
        const via = c.req.header("Via");
        refuseLoop(camera, via);
        const opening = renditions.feedOf(camera, wanted)
          .then((feed) => openViewerStream(feed, { ...dependencies, ...request }));
        return orUnavailable(camera, via, opening);
      },
    });
  }
}
