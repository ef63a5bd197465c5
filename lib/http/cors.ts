import type { MiddlewareHandler } from "hono";
import type { AllowedOrigins } from "../config.ts";

/**
 * Lets the pages of other origins read the answers: a web interface of a printer draws the stream by
 * `fetch`. An `<img>` needs nothing of this.
 *
 * Origins that are named may also use the password that the browser keeps for this server; with `*` a
 * browser keeps it to itself.
 */
export function cors(allowed: AllowedOrigins): MiddlewareHandler {
  return async (c, next) => {
    await next();
    if (c.res.status === 101) return; // a WebSocket knows no CORS
    if (allowed !== "*") c.header("Vary", "Origin", { append: true });
    const origin = c.req.header("Origin");
    if (origin === undefined || (allowed !== "*" && !allowed.includes(origin))) return;
    c.header("Access-Control-Allow-Origin", allowed === "*" ? "*" : origin);
    if (allowed !== "*") c.header("Access-Control-Allow-Credentials", "true");
    c.header("Access-Control-Expose-Headers", "X-Timestamp");
    if (c.req.method !== "OPTIONS") return;
    c.header("Access-Control-Allow-Methods", "GET, HEAD");
    c.header("Access-Control-Allow-Headers", c.req.header("Access-Control-Request-Headers"));
    c.header("Access-Control-Max-Age", "600");
  };
}
