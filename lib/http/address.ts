import type { Context } from "hono";

/** The network address that a request came from. */
export function addressOf(c: Context): string {
  return remoteOf(c)?.hostname ?? "unknown";
}

/** The port that a request came from; undefined if that is not known. */
export function portOf(c: Context): number | undefined {
  return remoteOf(c)?.port;
}

/** `Deno.serve` gives it beside the request; in a test there may be none. */
function remoteOf(c: Context): Deno.NetAddr | undefined {
  return ((c.env ?? {}) as Partial<Deno.ServeHandlerInfo<Deno.NetAddr>>).remoteAddr;
}
