/**
 * Publishes cameras at a hub, a NATS server, and receives those that others publish. Loaded only if
 * `NATS_URL` is set.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { ConfigError } from "../errors.ts";
import type { Log } from "../log.ts";
import { NatsBus } from "./connection.ts";
import { Directory } from "./directory.ts";
import { EdgeLinks } from "./edge_links.ts";
import type { NatsHub } from "./nats_hub.ts";
import { Publisher } from "./publisher.ts";
import type { HubAddress, PublishValue } from "./settings.ts";

export { checkNats, type CheckResult, type NatsToCheck } from "./check.ts";
export type { HubStatus, LinkStats, NatsHub, PublicationStats } from "./nats_hub.ts";

/** Settings of {@link openNatsHub}. */
export interface NatsHubSettings {
  /** At least one. */
  readonly hubs: readonly HubAddress[];
  /** PEM certificates to trust in addition. */
  readonly ca?: string;
  /** Which cameras are published. */
  readonly publish?: PublishValue;
}

/** The open hub, for the driver `nats`. */
let current: NatsHub | undefined;

/**
 * Returns the hub that {@link openNatsHub} has opened.
 *
 * @throws {ConfigError} If there is none.
 */
export function natsHub(): NatsHub {
  if (current) return current;
  throw new ConfigError(
    'Cannot use camera driver "nats" without NATS_URL: set it to the address of the hub, as ' +
      "tls://user:password@host",
  );
}
