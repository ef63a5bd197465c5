import { Hono } from "hono";
import type { CameraStats } from "../camera/stats.ts";
import { messageWithHint } from "../errors.ts";
import { isAuthenticated } from "./authenticate.ts";
import { cameraStatus, type StatusSource } from "./camera_status.ts";
import type { Cameras } from "./cameras.ts";
import { NO_STORE } from "./headers.ts";

/** `GET /cameras` and `GET /healthz`: the cameras and their state. */
export function cameraRoutes(cameras: Cameras, sources: readonly StatusSource[] = []): Hono {
  return new Hono()
    .get("/cameras", (c) => {
      return c.json(cameras.all.map((camera) => cameraStatus(camera, sources)), 200, NO_STORE);
    })
    .get("/healthz", (c) => {
      const authenticated = isAuthenticated(c);
      const failing = cameras.all.map((camera) => camera.stats()).filter(({ error }) => error)
        .map((stats) => asFailing(stats, authenticated));
      const status = failing.length === 0 ? "ok" : "failing";
      const added = sources.map((source) => source.health?.(authenticated));
      const body = Object.assign({ status, failing }, ...added);
      return c.json(body, failing.length === 0 ? 200 : 503, {
        ...NO_STORE,
        Server: "dinocam", // tells the doctor what listens on the port
      });
    });
}

/** A failing camera as JSON. The reason is for authenticated clients only. */
function asFailing({ name, failingSince, error }: CameraStats, authenticated: boolean) {
  const since = failingSince === undefined ? null : new Date(failingSince).toISOString();
  return { camera: name, since, ...authenticated && { reason: messageWithHint(error!) } };
}
