import type { Context, MiddlewareHandler } from "hono";
import type { AllowedOrigins } from "../config.ts";
import { HttpError } from "./errors.ts";

/** Safe methods (RFC 9110, section 9.2.1): they change nothing. */
const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"];

/**
 * Protects the other methods against cross-site request forgery: a page of another origin could
 * send such requests with the password that the browser has stored for this server. Pages of the
 * origins named in `allowed` may send them.
 */
export function protectFromForgery(allowed: AllowedOrigins): MiddlewareHandler {
  return async (c, next) => {
    const isAllowed = SAFE_METHODS.includes(c.req.method) || isSameOrigin(c) ||
      allowed !== "*" && allowed.includes(c.req.header("Origin")!);
    if (!isAllowed) throw new HttpError(403, "Requests from other origins are not allowed");
    await next();
  };
}

/**
 * Whether a request is from a page of this server, or from a program: browsers always send the
 * page's origin. Behind a proxy, the server's public name is in `X-Forwarded-Host`, which no page
 * can set.
 */
export function isSameOrigin(c: Context): boolean {
  const origin = c.req.header("Origin");
  if (origin === undefined) return true; // not a browser
  const host = URL.parse(origin)?.host;
  return [c.req.header("Host"), c.req.header("X-Forwarded-Host")].some((own) =>
    own !== undefined && own.toLowerCase() === host
  );
}
