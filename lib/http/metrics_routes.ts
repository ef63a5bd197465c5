import { Hono } from "hono";
import { expose, METRICS_TYPE, type Stats } from "../metrics/mod.ts";
import { NO_STORE } from "./headers.ts";

/** `GET /metrics`: metrics for Prometheus. */
export function metricsRoutes(stats: () => Stats): Hono {
  return new Hono().get(
    "/metrics",
    (c) => c.body(expose(stats()), 200, { "Content-Type": METRICS_TYPE, ...NO_STORE }),
  );
}
