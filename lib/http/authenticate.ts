import type { Context, MiddlewareHandler } from "hono";
import type { Authenticator } from "../auth/mod.ts";
import { clientAddress } from "./client_address.ts";
import { HttpError } from "./errors.ts";

/** Authenticates every request before it reaches a route. */
export function authenticate(authenticator: Authenticator): MiddlewareHandler {
  return async (c, next) => {
    const denial = authenticator.check({
      address: clientAddress(c),
      authorization: c.req.header("Authorization"),
      hosts: hostsOf(c),
      isPublic: isHealthCheck(c),
    });
    if (denial) throw new HttpError(denial.status, denial.message, denial.headers);
    await next();
  };
}

/**
 * Returns the hosts that a request names. Clients older than HTTP/1.1 send no `Host` header;
 * browsers always do. An absolute URL in the request line (`GET http://…`) may name another host.
 */
function hostsOf(c: Context): string[] {
  const header = c.req.header("Host");
  const { host } = new URL(c.req.url);
  return header ? [header, host] : [host];
}

/** Whether a request is exactly `GET` or `HEAD /healthz`, both as sent and as routed. */
function isHealthCheck(c: Context): boolean {
  return ["GET", "HEAD"].includes(c.req.method) && c.req.path === "/healthz" &&
    /^https?:\/\/[^/?#]*\/healthz(\?|$)/.test(c.req.url);
}
