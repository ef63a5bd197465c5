import type { Context } from "hono";

/** The network address that a request came from. */
export function clientAddress(c: Context): string {
  return remoteAddress(c)?.hostname ?? "unknown";
}

/** Where a request came from. `Deno.serve` gives it beside the request; in a test there may be none. */
export function remoteAddress(c: Context): Deno.NetAddr | undefined {
  return ((c.env ?? {}) as Partial<Deno.ServeHandlerInfo<Deno.NetAddr>>).remoteAddr;
}
