import type { Context, MiddlewareHandler } from "hono";
import type { Authenticator } from "../auth/mod.ts";
import { clientAddress } from "./client_address.ts";
import { HttpError } from "./errors.ts";

/** Stands in front of everything, and lets through whom `door` lets in. */
export function authenticate(door: Authenticator): MiddlewareHandler {
  return async (c, next) => {
    const refusal = door.check({
      address: clientAddress(c),
      authorization: c.req.header("Authorization"),
      hosts: hostsOf(c),
      isPublic: isHealthCheck(c),
    });
    if (refusal) throw new HttpError(refusal.status, refusal.message, refusal.headers);
    await next();
  };
}

/**
 * Programs older than HTTP/1.1 send no `Host`; browsers always do. The URL has a host of its own where the
 * request's first line has (`GET http://… HTTP/1.1`), and else the same one.
 */
function hostsOf(c: Context): string[] {
  const header = c.req.header("Host");
  const { host } = new URL(c.req.url);
  return header ? [header, host] : [host];
}

/** Exactly `GET /healthz` or `HEAD /healthz`, as it was sent and as it is understood. */
function isHealthCheck(c: Context): boolean {
  return ["GET", "HEAD"].includes(c.req.method) && c.req.path === "/healthz" &&
    /^https?:\/\/[^/?#]*\/healthz(\?|$)/.test(c.req.url);
}
