import { Hono } from "hono";
import { expose, METRICS_TYPE, type RecordingStats, type ServerStats } from "../metrics/mod.ts";
import type { Cameras } from "./cameras.ts";
import { NO_STORE } from "./headers.ts";

/** `GET /metrics`: metrics for Prometheus. */
export function metricsRoutes(
  cameras: Cameras,
  server: () => ServerStats,
  recordings: () => readonly RecordingStats[] = () => [],
): Hono {
  return new Hono().get("/metrics", (c) => {
    const text = expose(cameras.all.map((camera) => camera.stats()), server(), recordings());
    return c.body(text, 200, { "Content-Type": METRICS_TYPE, ...NO_STORE });
  });
}
