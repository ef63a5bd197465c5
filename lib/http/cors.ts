import type { MiddlewareHandler } from "hono";
import { cors as honoCors } from "hono/cors";
import type { AllowedOrigins } from "../config.ts";

/**
 * Lets pages of the allowed origins read the responses: a printer's web interface reads the stream
 * with `fetch`. An `<img>` does not need CORS.
 *
 * Pages of named origins may also use the password that the browser has stored for this server.
 * With `*`, browsers do not send it.
 *
 * It must run before authentication: browsers send preflight requests without credentials.
 *
 * @param methods Returns the methods of all paths, for preflight requests. If the path does not
 * support the method, the following request gets a 405 that the page can read.
 */
export function cors(
  allowed: AllowedOrigins,
  methods: () => string[],
): MiddlewareHandler {
  const respond = honoCors({
    origin: allowed === "*" ? "*" : [...allowed],
    allowMethods: methods,
    exposeHeaders: ["X-Timestamp"],
    credentials: allowed !== "*",
    maxAge: 600,
  });
  return async (c, next) => {
    // WebSockets are not subject to CORS.
    if (c.req.header("Upgrade")?.toLowerCase() === "websocket") return await next();
    const origin = c.req.header("Origin");
    // hono/cors would answer an OPTIONS request of any origin, without authentication.
    if (origin !== undefined && (allowed === "*" || allowed.includes(origin))) {
      if (c.req.method === "OPTIONS") c.header("Allow", [...methods(), "OPTIONS"].join(", "));
      return await respond(c, next);
    }
    await next();
    if (allowed !== "*") c.header("Vary", "Origin", { append: true });
  };
}
