import type { Context } from "hono";

/** The IP address of the client. */
export function clientAddress(c: Context): string {
  return remoteAddress(c)?.hostname ?? "unknown";
}

/** The client's address and port, as `Deno.serve` passes them; undefined in tests. */
export function remoteAddress(c: Context): Deno.NetAddr | undefined {
  return ((c.env ?? {}) as Partial<Deno.ServeHandlerInfo<Deno.NetAddr>>).remoteAddr;
}
