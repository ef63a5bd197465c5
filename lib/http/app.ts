import { type Context, Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { Authenticator } from "../auth/mod.ts";
import type { Clock } from "../clock.ts";
import type { AllowedOrigins } from "../config.ts";
import type { Log } from "../log.ts";
import { authenticate } from "./authenticate.ts";
import { cors } from "./cors.ts";
import { errorResponse, HttpError } from "./errors.ts";
import { protectFromForgery } from "./same_origin.ts";

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
  if (allowOrigin.length > 0) app.use(cors(allowOrigin, () => methodsOf(app)));
  app.use(authenticate(authenticator));
  app.use(protectFromForgery(allowOrigin));
  app.use(methodNotAllowed({ app, onMethodNotAllowed: refuseMethod }));
  for (const group of routes) app.route("/", group);
  app.notFound((c) => errorResponse(new HttpError(404, "Not found"), c.req.raw, log));
  app.onError((error, c) => errorResponse(error, c.req.raw, log));
  return app;

  /** Responds to a request with a method that its path does not support. */
  function refuseMethod(c: Context, methods: readonly string[]): Response {
    const headers = { Allow: [...methods, "OPTIONS"].join(", ") };
    if (c.req.method === "OPTIONS") return new Response(null, { status: 204, headers });
    // Created on demand: the data that it loads take 4 MB of memory.
    const list = new Intl.ListFormat("en", { type: "disjunction" });
    const message = `Method not allowed: use ${list.format(methods)}`;
    return errorResponse(new HttpError(405, message, headers), c.req.raw, log);
  }
}

/** All methods of an app's routes, without the `ALL` of middleware. `GET` includes `HEAD`. */
function methodsOf(app: Hono): string[] {
  const methods = new Set(app.routes.map(({ method }) => method));
  methods.delete("ALL");
  return [...methods].flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]);
}
