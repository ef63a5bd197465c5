import type { Context } from "hono";

/** The network address that a request came from. */
export function addressOf(c: Context): string {
  // `Deno.serve` gives it beside the request; in a test there may be none.
  const { remoteAddr } = (c.env ?? {}) as Partial<Deno.ServeHandlerInfo<Deno.NetAddr>>;
  return remoteAddr?.hostname ?? "unknown";
}
