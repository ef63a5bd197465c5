import type { NatsConnection } from "@nats-io/nats-core";
import { explainHubError } from "./hub_error.ts";
import { dialHub } from "./dial.ts";
import { type HubAddress, serverOf } from "./settings.ts";
import { connectOver } from "./transport.ts";

/** Time limit for an attempt to connect, up to the log-in, in milliseconds. */
const CONNECT_TIMEOUT = 3_000;
/**
 * Interval of the pings, in milliseconds. On a very slow link, a frame delays an answer by seconds:
 * more frequent pings would close the connection again and again.
 */
const PING_INTERVAL = 5_000;
/** Number of unanswered pings after which the connection is closed. */
const MAX_PINGS = 3;

/** Options of {@link connectHub}. */
export interface ConnectOptions {
  /** PEM certificates to trust in addition. */
  readonly ca: string | undefined;
  /** Interval of the pings, in milliseconds. @default {5_000} */
  readonly pingInterval?: number;
  /** Closes the connection, and aborts the attempt to connect. */
  readonly signal: AbortSignal;
  /** Called once, when a connection that was open is lost or closed. */
  onClose(reason: Error | undefined): void;
}

/**
 * Connects to a hub and logs in. The connection is not made again after it is lost.
 *
 * @throws {HubError}
 */
export async function connectHub(
  hub: HubAddress,
  { ca, pingInterval = PING_INTERVAL, signal, onClose }: ConnectOptions,
): Promise<NatsConnection> {
  const { credentials } = hub;
  try {
    return await connectOver({
      servers: [serverOf(hub)],
      ...credentials && "token" in credentials
        ? { token: credentials.token }
        : { user: credentials?.user, pass: credentials?.password },
      name: "dinocam",
      resolve: false, // Deno looks the host up itself
      reconnect: false,
      ignoreClusterUpdates: true, // they would need further permissions
      noAsyncTraces: true,
      timeout: CONNECT_TIMEOUT,
      pingInterval,
      maxPingOut: MAX_PINGS,
      dial: (signal) => dialHub(hub, ca, signal),
      onClose,
      signal,
    });
  } catch (error) {
    throw explainHubError(hub, error);
  }
}
