import type { Connections, ConnectionsOptions } from "./connections.ts";

export type { Connections, ConnectionsOptions };
export type { DirectConnection } from "./direct_connection.ts";
export type { IdleTimeouts } from "./idle_connections.ts";
export { limitSendQueue } from "./send_queue.ts";

/** Loads what controls connections, and opens it: see `connections.ts`. */
export async function loadConnections(
  port: number,
  options: ConnectionsOptions,
): Promise<Connections> {
  const { openConnections }: typeof import("./connections.ts") = await import(
    import.meta.resolve("./connections.ts")
  );
  return openConnections(port, options);
}
