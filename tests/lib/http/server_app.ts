import { systemClock } from "../../../lib/clock.ts";
import type { Hono } from "hono";
import type { Camera } from "../../../lib/camera/camera.ts";
import { type CameraList, MutableCameraList } from "../../../lib/camera/camera_list.ts";
import { type AppOptions, createApp } from "../../../lib/http/app.ts";
import { openRenditions } from "../../../lib/renditions/mod.ts";
import { serverRoutes, type ServerRoutesOptions } from "../../../lib/http/server_routes.ts";

/** Options of {@link createServerApp}. */
type Options = Partial<AppOptions & Omit<ServerRoutesOptions, "cameras">> & {
  cameras: CameraList | readonly Camera[];
};

const silent = { info() {}, warn() {}, error() {} };

/** Creates the app with the server's own routes, followed by those in `routes`. It has no pages. */
export function createServerApp({ routes = [], cameras: given, ...options }: Options): Hono {
  const cameras = "subscribe" in given ? given : new MutableCameraList(given);
  const { clock = systemClock, log = silent } = options;
  // Otherwise libturbojpeg is loaded, where it is installed, to learn what sizes it can make.
  const { renditions = openRenditions({ clock, log, eighths: [1, 2, 3, 4] }) } = options;
  const all = { pages: new Map(), ...options, renditions, clock, log, cameras };
  return createApp({ ...all, routes: [...serverRoutes(all), ...routes] });
}
