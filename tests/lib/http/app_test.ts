import { assertEquals, assertFalse } from "@std/assert";
import { Hono } from "hono";
import { Authenticator } from "../../../lib/auth/mod.ts";
import type { Bytes } from "../../../lib/bytes.ts";
import { settlesWithin, systemClock } from "../../../lib/clock.ts";
import { createApp, DeferredApp } from "../../../lib/http/app.ts";
import { HttpError } from "../../../lib/http/errors.ts";
import { readPages } from "../../../lib/http/page_routes.ts";

const PAGE = "https://page.example";
const silent = { info() {}, warn() {}, error() {} };

/** Routes as a module may have them. */
function moduleRoutes(): Hono {
  return new Hono()
    .get("/clips", (c) => c.json([]))
    .post("/clips", (c) => c.text("created", 201))
    .post("/marks", (c) => c.text("marked", 201))
    .delete("/clips/:id", (c) => c.text(`deleted ${c.req.param("id")}`))
    .get("/clips/:id/frame.jpg", () => {
      throw new HttpError(404, "Cannot find the frame");
    });
}

function setUp(options: { allowOrigin?: string[]; access?: "anyone" } = {}) {
  const access = options.access ?? { user: "me", password: "x" };
  const dependencies = { clock: systemClock, log: silent };
  return createApp({
    routes: [moduleRoutes(), new Hono().get("/status", (c) => c.text("fine"))],
    authenticator: new Authenticator(access, dependencies),
    allowOrigin: options.allowOrigin,
    ...dependencies,
  });
}

async function ask(app: Hono, method: string, path: string): Promise<[number, string | null]> {
  const response = await app.request(path, { method });
  await response.body?.cancel();
  return [response.status, response.headers.get("Allow")];
}

Deno.test("createApp() answers 405 with the methods of each path, and OPTIONS with 204", async () => {
  const app = setUp({ access: "anyone" });
  const both = "GET, HEAD, POST, OPTIONS";
  const expected: [string, string, number, string | null][] = [
    ["GET", "/clips", 200, null],
    ["HEAD", "/clips", 200, null],
    ["POST", "/clips", 201, null],
    ["DELETE", "/clips", 405, both],
    ["OPTIONS", "/clips", 204, both],
    ["POST", "/marks", 201, null],
    ["GET", "/marks", 405, "POST, OPTIONS"],
    ["HEAD", "/marks", 405, "POST, OPTIONS"],
    ["OPTIONS", "/marks", 204, "POST, OPTIONS"],
    ["DELETE", "/clips/7", 200, null],
    ["GET", "/clips/7", 405, "DELETE, OPTIONS"],
    ["BREW", "/clips/7", 405, "DELETE, OPTIONS"],
    ["OPTIONS", "/clips/7", 204, "DELETE, OPTIONS"],
    ["GET", "/clips/7/frame.jpg", 404, null],
    ["POST", "/clips/7/frame.jpg", 405, "GET, HEAD, OPTIONS"],
    ["POST", "/status", 405, "GET, HEAD, OPTIONS"],
    ["OPTIONS", "/status", 204, "GET, HEAD, OPTIONS"],
    ["POST", "/nothing", 404, null],
    ["OPTIONS", "/nothing", 404, null],
  ];
  for (const [method, path, ...answer] of expected) {
    assertEquals([method, path, ...await ask(app, method, path)], [method, path, ...answer]);
  }
});

Deno.test("createApp() names the allowed methods in words", async () => {
  const app = setUp({ access: "anyone" });
  const textOf = async (path: string) => (await app.request(path, { method: "PUT" })).text();
  assertEquals(await textOf("/status"), "Method not allowed: use GET or HEAD\n");
  assertEquals(await textOf("/clips"), "Method not allowed: use GET, HEAD, or POST\n");
  assertEquals(await (await app.request("/nothing")).text(), "Not found\n");
});

Deno.test("createApp() lets only pages of this and of allowed origins change something", async () => {
  const origins = [
    [undefined, 201], // a program
    ["http://localhost", 201],
    [PAGE, 201],
    ["https://other.example", 403],
    ["null", 403],
  ] as const;
  for (const [origin, status] of origins) {
    const app = setUp({ access: "anyone", allowOrigin: [PAGE] });
    const headers: HeadersInit = origin ? { Host: "localhost", Origin: origin } : {};
    const response = await app.request("/marks", { method: "POST", headers });
    await response.body?.cancel();
    assertEquals([origin, response.status], [origin, status]);
  }
  const app = createApp({
    routes: [moduleRoutes()],
    authenticator: new Authenticator("anyone", { clock: systemClock, log: silent }),
    allowOrigin: "*",
    clock: systemClock,
    log: silent,
  });
  const request = { method: "DELETE", headers: { Host: "localhost", Origin: PAGE } };
  const response = await app.request("/clips/7", request);
  assertEquals(await response.text(), "Requests from other origins are not allowed\n");
});

Deno.test("createApp() answers preflight requests of allowed origins without credentials", async () => {
  const app = setUp({ allowOrigin: [PAGE] });
  const preflight = async (path: string, origin: string) => {
    const headers = { "Origin": origin, "Access-Control-Request-Method": "POST" };
    const response = await app.request(path, { method: "OPTIONS", headers });
    await response.body?.cancel();
    const field = (name: string) => response.headers.get(`Access-Control-Allow-${name}`);
    return [response.status, field("Origin"), field("Methods")];
  };
  const methods = "GET,HEAD,POST,DELETE";
  assertEquals(await preflight("/clips", PAGE), [204, PAGE, methods]);
  assertEquals(await preflight("/marks", PAGE), [204, PAGE, methods]);
  assertEquals(await preflight("/clips/7", PAGE), [204, PAGE, methods]);
  assertEquals(await preflight("/status", PAGE), [204, PAGE, methods]);
  assertEquals(await preflight("/clips", "https://other.example"), [401, null, null]);
  assertEquals(await ask(app, "OPTIONS", "/clips"), [401, null]);
  assertEquals(await ask(setUp(), "OPTIONS", "/clips"), [401, null]);
  assertEquals(await ask(app, "POST", "/marks"), [401, null]);
});

function deferredApp(pages = readPages("static")) {
  const dependencies = { clock: systemClock, log: silent };
  const authenticator = new Authenticator("anyone", dependencies);
  return new DeferredApp({ ...dependencies, authenticator, pages });
}

const PAGE_REQUESTS = ["", "static/style.css", "static/nothing.js", "favicon.ico"];

Deno.test("DeferredApp serves the page before the app is loaded, and loads it once", async () => {
  using app = deferredApp();
  let loads = 0;
  const statusOf = async (path: string, method = "GET") => {
    const response = await app.fetch(new Request(`http://localhost/${path}`, { method }));
    await response.body?.cancel();
    return response.status;
  };
  const waiting = Promise.all([
    statusOf("status"),
    statusOf("?action=stream"),
    statusOf("", "PUT"),
  ]);
  const pages = await Promise.all(PAGE_REQUESTS.map((path) => statusOf(path)));
  assertEquals(pages, [200, 200, 404, 200]);
  app.loadWith(() => {
    loads++;
    return Promise.resolve((request) => new Response(null, { status: request.url ? 204 : 500 }));
  });
  assertEquals(await waiting, [204, 204, 204]);
  assertEquals([await statusOf("status"), await statusOf(""), loads], [204, 204, 1]);
});

Deno.test("DeferredApp waits until the page is sent to the clients that have waited for it", async () => {
  const content = Promise.withResolvers<{ bytes: Bytes; etag: string }>();
  const read = () => content.promise;
  using app = deferredApp(
    new Map([["index.html", { type: "text/html", plain: read, gzip: read }]]),
  );
  const response = app.fetch(new Request("http://localhost/"));
  const waiting = app.firstResponses();
  assertFalse(await settlesWithin(waiting, 50));
  content.resolve({ bytes: new Uint8Array(3), etag: '"1"' });
  assertEquals(await (await response).bytes(), new Uint8Array(3));
  await waiting;
  await app.firstResponses(); // nobody waits
});

Deno.test("DeferredApp loads the app again after a failure", async () => {
  using app = deferredApp();
  let loads = 0;
  app.loadWith(() => {
    if (++loads === 1) return Promise.reject(new Error("no such module"));
    return Promise.resolve(() => new Response("fine"));
  });
  const ask = async () => await (await app.fetch(new Request("http://localhost/status"))).text();
  assertEquals(await ask(), "Internal server error; see the server's log\n");
  assertEquals(await ask(), "fine");
});

Deno.test("DeferredApp refuses the requests that wait when it is disposed of", async () => {
  const app = deferredApp();
  const waiting = app.fetch(new Request("http://localhost/status"));
  app[Symbol.dispose]();
  const { status, body } = await waiting;
  assertEquals(status, 503);
  await body?.cancel();
});
