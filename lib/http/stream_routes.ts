import { type Context, Hono } from "hono";
import type { Camera } from "../camera/camera.ts";
import { type KeepAlive, openViewerStream, type Viewers } from "../streaming/mod.ts";
import type { Cameras } from "./cameras.ts";
import { orUnavailable, refuseLoop } from "./errors.ts";
import { type DirectTo, streamResponse } from "./stream_response.ts";

/** mjpg-streamer's boundary. Its client accepts no other boundary. */
const MJPG_STREAMER_BOUNDARY = "boundarydonotcross";

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

  function stream(c: Context, camera: Camera, boundary?: string): Promise<Response> {
    return streamResponse(c, {
      boundary,
      directTo,
      open: (request) => {
        const via = c.req.header("Via");
        refuseLoop(camera, via);
        return orUnavailable(
          camera,
          via,
          openViewerStream(camera, { ...dependencies, ...request }),
        );
      },
    });
  }
}
