import { Hono } from "hono";
import { Authenticator } from "../auth/mod.ts";
import type { Clock } from "../clock.ts";
import type { AllowedOrigins } from "../config.ts";
import type { Log } from "../log.ts";
import { authenticate } from "./authenticate.ts";
import { cors } from "./cors.ts";
import { errorResponse, HttpError } from "./errors.ts";
import { allowHeader, methodsAt } from "./methods.ts";

/** Options of {@link createApp}. */
export interface AppOptions {
  /** Groups of routes: the server's own (`serverRoutes`) and those of modules. */
  routes: readonly Hono[];
  /** Authenticates requests. @default {one that accepts requests for this machine only} */
  authenticator?: Authenticator;
  /** The origins whose pages may read the responses. @default {[]} */
  allowOrigin?: AllowedOrigins;
  clock: Clock;
  log: Log;
}

/** Creates the app for `Deno.serve`: CORS, authentication, routes and error responses. */
export function createApp({ routes, allowOrigin = [], clock, log, ...options }: AppOptions): Hono {
  const { authenticator = new Authenticator("this machine", { clock, log }) } = options;
  const app = new Hono();
  if (allowOrigin.length > 0) app.use(cors(allowOrigin, (path) => methodsAt(app, path)));
  app.use(authenticate(authenticator));
  for (const group of routes) app.route("/", group);
  app.notFound((c) => {
    const { path, method } = c.req;
    const methods = methodsAt(app, path);
    if (methods.length === 0 || methods.includes(method)) {
      return errorResponse(new HttpError(404, "Not found"), c.req.raw, log);
    }
    const headers = { Allow: allowHeader(methods) };
    if (method === "OPTIONS") return c.body(null, 204, headers);
    const message = `Method not allowed: use ${LIST.format(methods)}`;
    return errorResponse(new HttpError(405, message, headers), c.req.raw, log);
  });
  app.onError((error, c) => errorResponse(error, c.req.raw, log));
  return app;
}

const LIST = new Intl.ListFormat("en", { type: "disjunction" });
