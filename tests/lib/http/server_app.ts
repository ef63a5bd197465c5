import { systemClock } from "../../../lib/clock.ts";
import type { Hono } from "hono";
import { type AppOptions, createApp } from "../../../lib/http/app.ts";
import { serverRoutes, type ServerRoutesOptions } from "../../../lib/http/server_routes.ts";

/** Options of {@link createServerApp}. */
type Options = Partial<AppOptions & ServerRoutesOptions> & Pick<ServerRoutesOptions, "cameras">;

const silent = { info() {}, warn() {}, error() {} };

/** Creates the app with the server's own routes, followed by those in `routes`. It has no pages. */
export function createServerApp({ routes = [], ...options }: Options): Hono {
  const all = { pages: new Map(), clock: systemClock, log: silent, ...options };
  return createApp({ ...all, routes: [...serverRoutes(all), ...routes] });
}
