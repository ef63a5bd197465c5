import type { Hono } from "hono";

/** Returns the methods for which an app has routes at a path. `GET` includes `HEAD`, as in Hono. */
export function methodsAt(app: Hono, path: string): string[] {
  const methods = new Set(app.routes.map(({ method }) => method));
  methods.delete("ALL"); // middleware
  return [...methods].filter((method) => hasRoute(app, method, path))
    .flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]);
}

/** The `Allow` header for these methods. Every path answers `OPTIONS`. */
export function allowHeader(methods: readonly string[]): string {
  return [...methods, "OPTIONS"].join(", ");
}

function hasRoute(app: Hono, method: string, path: string): boolean {
  const [matches] = app.router.match(method, path);
  return matches.some(([[, route]]) => route.method === method);
}
