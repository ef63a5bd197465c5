import { Hono } from "hono";
import { Authenticator } from "../auth/mod.ts";
import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import type { AllowedOrigins } from "../config.ts";
import type { ServerInfo } from "../live/mod.ts";
import type { Log } from "../log.ts";
import { cameraRoutes } from "./camera_routes.ts";
import { Cameras } from "./cameras.ts";
import { cors } from "./cors.ts";
import { errorResponse, HttpError } from "./errors.ts";
import { authenticate } from "./authenticate.ts";
import { KeepAlive } from "../streaming/keep_alive.ts";
import { liveRoutes } from "./live_routes.ts";
import { metricsRoutes } from "./metrics_routes.ts";
import { pageRoutes, type Pages } from "./page_routes.ts";
import { snapshotRoutes } from "./snapshot_routes.ts";
import { type FindDirect, streamRoutes } from "./stream_routes.ts";
import { Viewers } from "../streaming/viewers.ts";

/** What the app is made of. */
export interface AppOptions {
  /** At least one; the first is the one that is meant where none is named. */
  cameras: readonly Camera[];
  pages: Pages;
  /** Whose pages may read the answers; without it nobody's but our own. */
  allowOrigin?: AllowedOrigins;
  /** Decides who may watch; without one, only this machine may. */
  authenticator?: Authenticator;
  /** Returns how clients reach the server; the page shows it. */
  serverInfo?: () => ServerInfo;
  /** How many viewers there may be at once; as many as come if not given. */
  maxViewers?: number;
  /** A shorter way to a stream's client than through Deno, where there is one. */
  findDirect?: FindDirect;
  /** For those who ask which server this is. */
  version?: string;
  clock: Clock;
  log: Log;
}

/** The methods that any address knows. */
const Allow = "GET, HEAD, OPTIONS";

/** Answers requests: the app that `Deno.serve` is given. */
export function createApp(options: AppOptions): Hono {
  const { cameras, pages, allowOrigin = [], maxViewers, findDirect, clock, log } = options;
  const { version = "unknown" } = options;
  const door = options.authenticator ?? new Authenticator("this machine", { clock, log });
  const known = new Cameras(cameras);
  const viewers = new Viewers({ max: maxViewers, clock, log });
  const keepAlive = new KeepAlive(clock, log);
  const startedAt = clock.now();
  const server = () => ({
    version,
    startedAt,
    memory: Deno.memoryUsage().rss,
    viewers: viewers.count,
  });
  const app = new Hono();
  if (allowOrigin.length > 0) app.use(cors(allowOrigin));
  app
    .use(authenticate(door))
    .route("/", streamRoutes({ cameras: known, keepAlive, viewers, findDirect }))
    .route("/", snapshotRoutes(known, clock))
    .route("/", cameraRoutes(known))
    .route("/", liveRoutes({ cameras: known, viewers, serverInfo: options.serverInfo, clock }))
    .route("/", metricsRoutes(known, server))
    .route("/", pageRoutes(pages));
  const gets = app.routes.filter((route) => route.method === "GET");
  for (const path of new Set(gets.map((route) => route.path))) {
    app.options(path, (c) => c.body(null, 204, { Allow }));
    app.all(path, () => {
      throw new HttpError(405, "This address knows GET and HEAD only", { Allow });
    });
  }
  app.notFound((c) =>
    errorResponse(new HttpError(404, "There is nothing at this address"), c.req.raw, log)
  );
  app.onError((error, c) => errorResponse(error, c.req.raw, log));
  return app;
}
