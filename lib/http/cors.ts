import type { MiddlewareHandler } from "hono";
import { cors as honoCors } from "hono/cors";
import type { AllowedOrigins } from "../config.ts";
import { allowHeader } from "./methods.ts";

/**
 * Lets pages of the allowed origins read the responses: a printer's web interface draws the stream
 * with `fetch`. An `<img>` does not need it.
 *
 * Pages of named origins may also use the password that the browser keeps for this server. With `*`
 * browsers do not send it.
 *
 * It must run before authentication: browsers send preflight requests without credentials.
 *
 * @param methodsAt Returns the methods of a path, for preflight requests.
 */
export function cors(
  allowed: AllowedOrigins,
  methodsAt: (path: string) => string[],
): MiddlewareHandler {
  const respond = honoCors({
    origin: allowed === "*" ? "*" : [...allowed],
    allowMethods: (_origin, c) => methodsAt(c.req.path),
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
      if (c.req.method === "OPTIONS") c.header("Allow", allowHeader(methodsAt(c.req.path)));
      return await respond(c, next);
    }
    await next();
    if (allowed !== "*") c.header("Vary", "Origin", { append: true });
  };
}
