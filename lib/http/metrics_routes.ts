import { Hono } from "hono";
import {
  type CameraRenditionStats,
  expose,
  METRICS_TYPE,
  type NatsStats,
  type RecordingStats,
  type ServerStats,
  type SoundStats,
} from "../metrics/mod.ts";
import type { Cameras } from "./cameras.ts";
import { NO_STORE } from "./headers.ts";

/** `GET /metrics`: metrics for Prometheus. */
export function metricsRoutes(
  cameras: Cameras,
  server: () => ServerStats,
  recordings: () => readonly RecordingStats[] = () => [],
  sounds: () => readonly SoundStats[] = () => [],
  hub: () => NatsStats | undefined = () => undefined,
  renditions: () => readonly CameraRenditionStats[] = () => [],
): Hono {
  return new Hono().get("/metrics", (c) => {
    const stats = cameras.all.map((camera) => camera.stats());
    const text = expose(stats, server(), recordings(), sounds(), hub(), renditions());
    return c.body(text, 200, { "Content-Type": METRICS_TYPE, ...NO_STORE });
  });
}
