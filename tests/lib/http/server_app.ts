import { systemClock } from "../../../lib/clock.ts";
import type { Hono } from "hono";
import { type AppOptions, createApp } from "../../../lib/http/app.ts";
import { recordingRoutes } from "../../../lib/http/recording_routes.ts";
import { recordingStatus } from "../../../lib/http/recording_status.ts";
import { serverRoutes, type ServerRoutesOptions } from "../../../lib/http/server_routes.ts";
import type { Recording } from "../../../lib/recording/mod.ts";

/** Options of {@link createServerApp}. */
type Options =
  & Partial<AppOptions & ServerRoutesOptions>
  & Pick<ServerRoutesOptions, "cameras">
  & { recording?: Recording };

const silent = { info() {}, warn() {}, error() {} };

/**
 * Creates the app with the routes of recordings and the server's own, followed by those in
 * `routes`. It has no pages.
 */
export function createServerApp({ routes = [], recording, ...options }: Options): Hono {
  const status = recordingStatus(recording, options.cameras.map(({ name }) => name));
  const all = {
    pages: new Map(),
    clock: systemClock,
    log: silent,
    recording,
    ...status,
    ...options,
  };
  return createApp({
    ...all,
    routes: [...recordingRoutes(all), ...serverRoutes(all), ...routes],
  });
}
