/** What Deno has no call for: the kernel's side of the connections that a port accepts. */
export { type DirectConnection, DirectSending } from "./direct.ts";
export { notifyReady } from "./notify.ts";
export { QuietConnections, type QuietLimits } from "./quiet.ts";
export { limitSendQueue } from "./send_queue.ts";
