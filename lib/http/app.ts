import { Hono } from "hono";
import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { cameraRoutes } from "./camera_routes.ts";
import { Cameras } from "./cameras.ts";
import { errorResponse, HttpError } from "./errors.ts";
import { KeepAlive } from "./keep_alive.ts";
import { liveRoutes } from "./live_routes.ts";
import { pageRoutes, type Pages } from "./page_routes.ts";
import { snapshotRoutes } from "./snapshot_routes.ts";
import { streamRoutes } from "./stream_routes.ts";

/** What the app is made of. */
export interface AppOptions {
  /** At least one; the first is the one that is meant where none is named. */
  cameras: readonly Camera[];
  pages: Pages;
  /** Aborts when the server is about to end, for connections that would hold it up. */
  ending?: AbortSignal;
  clock: Clock;
  log: Log;
}

/** Answers requests: the app that `Deno.serve` is given. */
export function createApp({ cameras, pages, ending, clock, log }: AppOptions): Hono {
  const known = new Cameras(cameras);
  const app = new Hono()
    .route("/", streamRoutes(known, new KeepAlive(clock)))
    .route("/", snapshotRoutes(known, clock))
    .route("/", cameraRoutes(known))
    .route("/", liveRoutes({ cameras: known, clock, ending }))
    .route("/", pageRoutes(pages));
  for (const path of new Set(app.routes.map((route) => route.path))) {
    app.all(path, () => {
      throw new HttpError(405, "This address knows GET and HEAD only", { Allow: "GET, HEAD" });
    });
  }
  app.notFound((c) =>
    errorResponse(new HttpError(404, "There is nothing at this address"), c.req.raw, log)
  );
  app.onError((error, c) => errorResponse(error, c.req.raw, log));
  return app;
}
