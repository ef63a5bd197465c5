import type { Context } from "hono";

/** The IP address of the client. */
export function clientAddress(c: Context): string {
  return remoteAddress(c)?.hostname ?? "unknown";
}

/** The address and port of the client, which `Deno.serve` passes beside the request; undefined in tests. */
export function remoteAddress(c: Context): Deno.NetAddr | undefined {
  return ((c.env ?? {}) as Partial<Deno.ServeHandlerInfo<Deno.NetAddr>>).remoteAddr;
}
