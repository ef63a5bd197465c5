import { type Context, Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { Authenticator } from "../auth/mod.ts";
import type { Clock } from "../clock.ts";
import type { AllowedOrigins } from "../config.ts";
import type { Log } from "../log.ts";
import { authenticate } from "./authenticate.ts";
import { cors } from "./cors.ts";
import { errorResponse, HttpError } from "./errors.ts";
import { pageRoutes, type Pages } from "./page_routes.ts";
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

/** Handles a request, as `Hono.fetch` does. */
type Fetch = (request: Request, env?: unknown) => Response | Promise<Response>;

/** Options of a {@link DeferredApp}. */
export interface DeferredAppOptions extends Omit<AppOptions, "routes"> {
  readonly pages: Pages;
}

/** Time until the requests of clients that try to connect have arrived, in milliseconds. */
const FIRST_REQUESTS_DELAY = 2;
/** Time until Deno has sent a response, in milliseconds. */
const SEND_DELAY = 2;

/**
 * Serves the files of the web page at once, and everything else when the app is loaded: most of the
 * server's code is not needed for the page, and would delay it.
 */
export class DeferredApp implements Disposable {
  readonly #pages: Hono;
  readonly #log: Log;
  readonly #load = Promise.withResolvers<() => Promise<Fetch>>();
  readonly #firstResponses = new Set<Promise<Response>>();
  #app: Fetch | undefined;
  #loading: Promise<Fetch> | undefined;

  constructor({ pages, ...options }: DeferredAppOptions) {
    this.#pages = createApp({ ...options, routes: [pageRoutes(pages)] });
    this.#log = options.log;
    this.#load.promise.catch(() => {}); // reported to the clients that wait
  }

  /**
   * Waits until the first requests for the page, if there are any, have got their responses: loading
   * more modules would delay these.
   */
  async firstResponses(): Promise<void> {
    await pause(FIRST_REQUESTS_DELAY);
    if (this.#firstResponses.size === 0) return;
    await Promise.allSettled(this.#firstResponses);
    await pause(SEND_DELAY);
  }

  /** Loads the app. Requests that are not for the page wait until then. */
  loadWith(load: () => Promise<Fetch>): void {
    this.#load.resolve(load);
    this.#loadApp().catch(() => {}); // a request tries again, and reports the error
  }

  /** Handles a request. */
  readonly fetch: Fetch = (request, env) => {
    if (this.#app) return this.#app(request, env);
    if (isForPage(request)) return this.#servePage(request, env);
    return this.#loadApp().then(
      (app) => app(request, env),
      (error) => errorResponse(error, request, this.#log),
    );
  };

  /** Refuses the requests that wait. */
  [Symbol.dispose](): void {
    this.#load.reject(new HttpError(503, "The server is stopping"));
  }

  async #servePage(request: Request, env: unknown): Promise<Response> {
    const response = Promise.resolve(this.#pages.fetch(request, env as object));
    this.#firstResponses.add(response);
    try {
      return await response;
    } finally {
      this.#firstResponses.delete(response);
    }
  }

  /** Loads the app once; again after it has failed. */
  #loadApp(): Promise<Fetch> {
    this.#loading ??= this.#load.promise.then((load) => load()).then(
      (app) => this.#app = app,
      (error) => {
        this.#loading = undefined;
        throw error;
      },
    );
    return this.#loading;
  }
}

/** Waits without Deno's timers: loading them would take 4 ms. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) =>
    AbortSignal.timeout(ms).addEventListener("abort", () => resolve())
  );
}

/** Whether a request is for a file of the web page, and needs no other route. */
function isForPage({ method, url }: Request): boolean {
  return ["GET", "HEAD"].includes(method) &&
    /^https?:\/\/[^/?#]*\/(static\/[^?]*|favicon\.ico)?$/.test(url);
}

/** All methods of an app's routes, without the `ALL` of middleware. `GET` includes `HEAD`. */
function methodsOf(app: Hono): string[] {
  const methods = new Set(app.routes.map(({ method }) => method));
  methods.delete("ALL");
  return [...methods].flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]);
}
