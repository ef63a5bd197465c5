import type { NatsStats } from "../metrics/mod.ts";
import type { NatsHub } from "../nats/mod.ts";
import type { StatusSource } from "./camera_status.ts";

/** What `GET /cameras`, `GET /healthz` and `GET /metrics` say of the NATS hub. */
export interface NatsStatus {
  readonly status: readonly StatusSource[];
  /** Returns the state for metrics; undefined without a hub. */
  stats(): NatsStats | undefined;
}

/**
 * Describes the NATS hub, and what it carries, for the server's routes: nothing without `NATS_URL`.
 *
 * @param cameras Returns the names of all cameras.
 */
export function natsStatus(
  hub: NatsHub | undefined,
  cameras: () => readonly string[],
): NatsStatus {
  if (!hub) return { status: [], stats: () => undefined };
  return {
    status: [{
      describe: (camera) => ({ published: hub.publication(camera), link: hub.link(camera) }),
      health: (authenticated) => {
        const { connected, since, reason } = hub.status;
        const isoSince = new Date(since).toISOString();
        return { hub: { connected, since: isoSince, ...authenticated && { reason } } };
      },
    }],
    stats: () => ({
      connected: hub.status.connected,
      published: withNames(cameras(), (camera) => hub.publication(camera)),
      links: withNames(cameras(), (camera) => hub.link(camera)),
    }),
  };
}

/** Returns the counters of the cameras that have some, with their names. */
function withNames<T>(
  cameras: readonly string[],
  countersOf: (camera: string) => T | undefined,
): (T & { camera: string })[] {
  return cameras.flatMap((camera) => {
    const counters = countersOf(camera);
    return counters ? [{ ...counters, camera }] : [];
  });
}
