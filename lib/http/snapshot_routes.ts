import { type Context, Hono } from "hono";
import type { Camera } from "../camera/camera.ts";
import type { Renditions } from "../renditions/mod.ts";
import type { Cameras } from "./cameras.ts";
import { orUnavailable, refuseLoop } from "./errors.ts";
import { LIVE_HEADERS } from "./headers.ts";
import { type QueryRange, readNumberQuery } from "./query.ts";
import { readWantedQuery } from "./wanted_query.ts";

const MAX_AGE_RANGE: QueryRange = {
  expected: "a number of milliseconds from 0",
  includes: (value) => value >= 0,
};

/**
 * `GET /snapshot.jpg` and its aliases: a new frame, or one at most `?max_age=` ms old. `?height=`,
 * `?quality=` and `?overlay=1` select a rendition.
 */
export function snapshotRoutes(cameras: Cameras, renditions: Renditions): Hono {
  return new Hono()
    .get("/snapshot.jpg", (c) => snapshot(c, cameras.get()))
    .get("/snapshot", (c) => snapshot(c, cameras.get()))
    .get(
      "/",
      (c, next) => c.req.query("action") === "snapshot" ? snapshot(c, cameras.get()) : next(),
    )
    .get("/cameras/:name/snapshot.jpg", (c) => snapshot(c, cameras.get(c.req.param("name"))));

  async function snapshot(c: Context, camera: Camera): Promise<Response> {
    const maxAge = readNumberQuery(c, "max_age", MAX_AGE_RANGE) ?? 0;
    const wanted = readWantedQuery(c);
    const headers = { "Content-Type": "image/jpeg", ...LIVE_HEADERS };
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    const via = c.req.header("Via");
    refuseLoop(camera, via);
    const frame = renditions.feedOf(camera, wanted).then((feed) => feed.frame(maxAge));
    const { jpeg, capturedAt } = await orUnavailable(camera, via, frame);
    return c.body(jpeg, 200, {
      ...headers,
      "Content-Length": `${jpeg.length}`,
      "X-Timestamp": (capturedAt / 1000).toFixed(6),
    });
  }
}
