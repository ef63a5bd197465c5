/**
 * Publishes cameras at a hub, a NATS server, and receives those that others publish. Loaded only if
 * `NATS_URL` is set.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";
import { ConnectedHub, type NatsHubOptions, type NatsHubSettings } from "./connected_hub.ts";
import type { NatsHub } from "./nats_hub.ts";

export { checkNats, type CheckResult } from "./check.ts";
export type { NatsHub } from "./nats_hub.ts";

/** The open hub, for the driver `nats`. */
let current: NatsHub | undefined;

/**
 * Connects to a hub in the background. Until its disposal, it is the one that {@link natsHub}
 * returns.
 */
export function openNatsHub(settings: NatsHubSettings, options: NatsHubOptions): NatsHub {
  const onDispose = () => {
    if (current === hub) current = undefined;
  };
  const hub: NatsHub = new ConnectedHub(settings, { ...options, onDispose });
  return current = hub;
}

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
