import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Access, Authenticator } from "../../../lib/auth/mod.ts";
import { Camera } from "../../../lib/camera/camera.ts";
import { systemClock } from "../../../lib/clock.ts";
import { noEvents } from "../../silent.ts";
import { createServerApp } from "./server_app.ts";

const silent = { info() {}, warn() {}, error() {} };
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACY"];
const ROUTES = [
  ...["/", "/?action=stream", "/?action=snapshot", "/video_feed", "/stream"],
  ...["/snapshot.jpg", "/snapshot", "/cameras", "/metrics", "/live", "/favicon.ico"],
  ...["/cameras/front/video_feed", "/cameras/front/snapshot.jpg", "/static/page.js", "/nothing"],
];
/** Spellings of URLs that may be confused with the public one, and the reverse. */
const SPELLINGS = [
  ...["//healthz", "/healthz/", "/healthz/.", "/healthz%2f", "/%68ealthz", "/HEALTHZ"],
  ...["/healthz%00", "/healthz;x", "/healthz/../video_feed", "/healthz/%2e%2e/video_feed"],
  ...["/healthz%2f..%2fvideo_feed", "/healthz\\..\\video_feed", "/./healthz/video_feed"],
  ...["//video_feed", "/%2fvideo_feed", "/video_feed/", "/video_feed%00", "/..%2fvideo_feed"],
  ...["/video_feed?/healthz", "/video_feed#/healthz", "/?x=/healthz", "/*", "/%", "/%ff"],
];

function setUp(access: Access) {
  let opened = 0;
  const camera = new Camera({
    name: "front",
    driver: "test",
    open: (signal) => {
      opened++;
      return nothing(signal);
    },
    idleTimeout: 0,
    clock: systemClock,
    events: noEvents,
  });
  const authenticator = new Authenticator(access, { clock: systemClock, log: silent });
  const app = createServerApp({
    cameras: [camera],
    authenticator,
    clock: systemClock,
    log: silent,
  });
  return { app, opened: () => opened };
}

// deno-lint-ignore require-yield
async function* nothing(signal: AbortSignal) {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}

/** A request with exactly this URL, as from `Deno.serve`; `Request` would normalize it. */
function rawRequest(url: string, init: RequestInit = {}): Request {
  const request = new Request("http://localhost/", init);
  return Object.defineProperty(request, "url", { value: url });
}

Deno.test("a client without credentials gets 401 for every spelling of every URL, and starts no camera", async () => {
  const { app, opened } = setUp({ user: "me", password: "x" });
  for (const path of [...ROUTES, ...SPELLINGS]) {
    for (const method of METHODS) {
      const response = await app.fetch(rawRequest(`http://localhost${path}`, { method }));
      await response.body?.cancel();
      assertEquals([method, path, response.status], [method, path, 401]);
      assertEquals(
        response.headers.get("WWW-Authenticate"),
        'Basic realm="dinocam", charset="UTF-8"',
      );
    }
  }
  assertEquals(opened(), 0);
});

Deno.test("a client needs no credentials for GET and HEAD of /healthz, but for other methods", async () => {
  const { app } = setUp({ user: "me", password: "x" });
  for (const method of METHODS) {
    for (const path of ["/healthz", "/healthz?probe=1"]) {
      const { status } = await app.request(path, { method });
      const wanted = ["GET", "HEAD"].includes(method) ? 200 : 401;
      assertEquals([method, path, status], [method, path, wanted]);
    }
  }
});

Deno.test("a client cannot bypass authentication by a Host that makes the URL look like /healthz", async () => {
  const { app, opened } = setUp({ user: "me", password: "x" });
  for (
    const url of [
      "http://x/healthz?/video_feed",
      "http://x/healthz#/video_feed",
      "http://x#/healthz/video_feed",
      "http://x?/healthz",
      "http://x#/healthz",
      "http://x\\/healthz/video_feed",
      "http://me@x/video_feed/healthz",
    ]
  ) {
    const response = await app.fetch(rawRequest(url));
    const text = await response.text();
    // The response is either 401 or that of /healthz.
    assert(response.status === 401 || text.startsWith('{"status":'), `${url} ${text}`);
  }
  assertEquals(opened(), 0);
});

Deno.test("a client gets 200 with the correct credentials and 401 with wrong ones", async () => {
  const { app } = setUp({ user: "me", password: "x" });
  const ask = (credentials: string) =>
    app.request("/cameras", { headers: { Authorization: `Basic ${btoa(credentials)}` } });
  assertEquals((await ask("me:x")).status, 200);
  assertEquals((await ask("me:y")).status, 401);
});

Deno.test("a client that accepts JSON gets the 401 as JSON", async () => {
  const { app } = setUp({ user: "me", password: "x" });
  const response = await app.request("/cameras", { headers: { Accept: "application/json" } });
  assertEquals([response.status, await response.json()], [401, {
    error: "Authentication required",
  }]);
});

Deno.test("the server without AUTH answers 403 to another host on every route, also on /healthz", async () => {
  const { app, opened } = setUp("this machine");
  for (const path of [...ROUTES, ...SPELLINGS, "/healthz"]) {
    const response = await app.fetch(
      rawRequest(`http://evil.example:8000${path}`, { headers: { Host: "evil.example:8000" } }),
    );
    const text = await response.text();
    assertEquals([path, response.status], [path, 403]);
    assertMatch(text, /^Cannot answer for the host "evil\.example:8000": [^\n]*AUTH[^\n]*\n$/);
  }
  assertEquals(opened(), 0);
});

Deno.test("the server without AUTH rejects another host in the Host header and in the request line", async () => {
  const { app } = setUp("this machine");
  const ask = async (url: string, host?: string) => {
    const headers: HeadersInit = host === undefined ? {} : { Host: host };
    return (await app.fetch(rawRequest(url, { headers }))).status;
  };
  assertEquals(await ask("http://127.0.0.1:8000/cameras", "127.0.0.1:8000"), 200);
  assertEquals(await ask("http://localhost:8000/cameras"), 200); // HTTP/1.0 has no Host header
  assertEquals(await ask("http://[::1]:8000/cameras", "[::1]:8000"), 200);
  assertEquals(await ask("http://evil.example/cameras", "127.0.0.1"), 403);
  assertEquals(await ask("http://127.0.0.1/cameras", "evil.example"), 403);
  assertEquals(await ask("http://evil.example/cameras"), 403);
  assertEquals(await ask("http://localhost@evil.example/cameras", "localhost"), 403);
});

Deno.test("the server with AUTH accepts any host", async () => {
  for (const access of ["anyone", { user: "me", password: "x" }] as const) {
    const { app } = setUp(access);
    const headers = { Host: "cam.example", Authorization: `Basic ${btoa("me:x")}` };
    assertEquals((await app.request("http://cam.example/cameras", { headers })).status, 200);
  }
});

Deno.test("an authenticated client gets 405 for a wrong method and 404 for an unknown path", async () => {
  const { app } = setUp("anyone");
  for (const path of ROUTES.filter((path) => !["/nothing", "/live"].includes(path))) {
    const { status, headers } = await app.request(path, { method: "POST" });
    assertEquals([path, status, headers.get("Allow")], [path, 405, "GET, HEAD, OPTIONS"]);
  }
  assertEquals((await app.request("/nothing")).status, 404);
});
