/** What Deno has no call for: the kernel's side of the connections that a port accepts. */
export { type DirectConnection, DirectSends } from "./direct_connection.ts";
export { notifyReady } from "../systemd.ts";
export { IdleConnections, type IdleTimeouts } from "./idle_connections.ts";
export { limitSendQueue } from "./send_queue.ts";
