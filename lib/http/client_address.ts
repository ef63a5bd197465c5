import type { Context } from "hono";

/** Returns the client's IP address. */
export function clientAddress(c: Context): string {
  return remoteAddress(c)?.hostname ?? "unknown";
}

/** Returns the client's address and port, as `Deno.serve` passes them; undefined in tests. */
export function remoteAddress(c: Context): Deno.NetAddr | undefined {
  return ((c.env ?? {}) as Partial<Deno.ServeHandlerInfo<Deno.NetAddr>>).remoteAddr;
}
