import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { NatsHub } from "../nats/mod.ts";
import { type HubAddress, readCertificates } from "../nats/settings.ts";
import type { ServerConfig } from "./settings.ts";

/** Options of {@link openNats}. */
export interface OpenNatsOptions {
  /** The addresses of `NATS_URL`. */
  readonly hubs: readonly HubAddress[] | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Connects to the hub in the background; undefined without `NATS_URL`. The module is loaded only
 * when it is needed. It must be open before the cameras: the driver `nats` uses it.
 *
 * @throws {ConfigError} If `NATS_CA` cannot be read.
 */
export async function openNats(
  { nats: { publish, ca } }: ServerConfig,
  { hubs, ...common }: OpenNatsOptions,
): Promise<NatsHub | undefined> {
  if (!hubs) return undefined;
  const certificates = readCertificates(ca);
  const { openNatsHub } = await import("../nats/mod.ts");
  return openNatsHub({ hubs, publish, ca: certificates }, common);
}
