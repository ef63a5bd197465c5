import { Hono } from "hono";
import type { CameraStats } from "../camera/stats.ts";
import { type CameraError, messageWithHint } from "../errors.ts";
import { isAuthenticated } from "./authenticate.ts";
import type { Cameras } from "./cameras.ts";
import { NO_STORE } from "./headers.ts";

/** `GET /cameras` and `GET /healthz`: the cameras and their state. */
export function cameraRoutes(cameras: Cameras): Hono {
  return new Hono()
    .get("/cameras", (c) => {
      return c.json(cameras.all.map((camera) => asJson(camera.stats())), 200, NO_STORE);
    })
    .get("/healthz", (c) => {
      const failing = cameras.all.map((camera) => camera.stats()).filter(({ error }) => error)
        .map((stats) => asFailing(stats, isAuthenticated(c)));
      const status = failing.length === 0 ? "ok" : "failing";
      return c.json({ status, failing }, failing.length === 0 ? 200 : 503, {
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

/** A camera's state as JSON, for clients. */
export function asJson(
  { name, driver, state, fps, viewers, size, error, failingSince: _, lastFailure, sent, ...counts }:
    CameraStats,
) {
  return {
    name,
    driver,
    state,
    fps: Math.round(fps * 10) / 10,
    viewers,
    resolution: size ? `${size.width}x${size.height}` : null,
    lastError: error ? messageWithHint(error) : null,
    lastFailure: lastFailure ? asFailure(lastFailure) : null,
    ...counts,
    sent: sent.frames,
  };
}

/** A failure as JSON. `retried`: whether the server retries by itself. */
function asFailure({ message, hint, permanent }: CameraError) {
  return { message, hint: hint ?? null, retried: !permanent };
}
