import { type Context, Hono, type Next } from "hono";
import type { Camera } from "../camera/camera.ts";
import { type KeepAlive, openPlaybackStream, type Viewers } from "../streaming/mod.ts";
import { HttpError, orUnavailable } from "./errors.ts";
import { type QueryRange, readNumberQuery } from "./query.ts";
import { type RecordingContext, requireRecording } from "./recordings.ts";
import { type DirectTo, streamResponse } from "./stream_response.ts";
import { readTimeQuery } from "./time_query.ts";
import { readWantedQuery } from "./wanted_query.ts";

const SPEED_RANGE: QueryRange = {
  expected: "a number from -240 to 240, but not 0",
  includes: (value) => value !== 0 && Math.abs(value) <= 240,
};

/** Options of {@link playbackRoutes}. */
export interface PlaybackRoutesOptions extends RecordingContext {
  keepAlive: KeepAlive;
  viewers: Viewers;
  directTo?: DirectTo;
}

/**
 * `GET /video_feed?at=&speed=` and its aliases: a camera's recorded frames from a time on, as a
 * stream like the live one. Forwards it catches up with the camera and stays live; backwards it
 * stays on the oldest frame. It jumps over gaps. Without `at` the request is left to the live
 * stream. `height`, `quality` and `overlay` are those of the live stream.
 */
export function playbackRoutes(options: PlaybackRoutesOptions): Hono {
  const { cameras, recording, renditions, directTo, clock } = options;
  return new Hono()
    .get("/video_feed", (c, next) => play(c, next, () => cameras.get()))
    .get("/stream", (c, next) => play(c, next, () => cameras.get()))
    .get(
      "/cameras/:name/video_feed",
      (c, next) => play(c, next, () => cameras.get(c.req.param("name"))),
    );

  async function play(c: Context, next: Next, find: () => Camera): Promise<Response | void> {
    const at = readTimeQuery(c, "at", clock.now());
    if (at === undefined) return await next();
    const speed = readNumberQuery(c, "speed", SPEED_RANGE) ?? 1;
    const camera = find();
    const wanted = readWantedQuery(c);
    const render = renditions.rendererOf(camera.name, wanted);
    const { library } = requireRecording(recording, camera);
    const openSource = () => library.cursor(camera.name);
    return await streamResponse(c, {
      directTo,
      open: async (request) => {
        const opening = openPlaybackStream(camera, {
          ...options,
          ...request,
          openSource,
          render,
          openLive: render && (() => renditions.feedOf(camera, wanted)),
          at,
          speed,
        });
        const stream = await orUnavailable(camera, c.req.header("Via"), opening);
        if (stream) return stream;
        throw new HttpError(404, `Nothing is recorded of camera "${camera.name}" yet`);
      },
    });
  }
}
