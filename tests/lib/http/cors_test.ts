import { assertEquals, assertFalse, assertThrows } from "@std/assert";
import { type AllowedOrigins, readConfig } from "../../../lib/config.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { jpegWith, setUp } from "./fake_source.ts";

const MAINSAIL = "http://mainsail.local";
const OTHER = "https://elsewhere.example";

/** Requests a snapshot from a page of `origin`. @returns The CORS headers and `Vary`. */
async function ask(allowOrigin: AllowedOrigins, origin?: string) {
  const { app, source, camera } = setUp({ allowOrigin });
  const asking = app.request("/snapshot.jpg", { headers: origin ? { Origin: origin } : {} });
  await source.push(jpegWith("one"));
  const { headers, body } = await asking;
  await body!.cancel();
  await camera.close();
  return corsHeaders(headers);
}

function corsHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    [...headers].filter(([name]) => name === "vary" || name.startsWith("access-control-")),
  );
}

Deno.test("cors() allows no other origin without ALLOW_ORIGIN", async () => {
  assertEquals(await ask([], MAINSAIL), {});
  assertEquals(readConfig({}).allowOrigin, []);
});

Deno.test("cors() with * allows every page, without the browser's password", async () => {
  assertEquals(await ask("*", MAINSAIL), {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "X-Timestamp",
  });
  assertEquals(await ask("*"), {});
});

Deno.test("cors() allows only the named origins, and sends Vary for caches", async () => {
  const allowed = [MAINSAIL, "https://fluidd.example:8443"];
  assertEquals(await ask(allowed, MAINSAIL), {
    "access-control-allow-origin": MAINSAIL,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "X-Timestamp",
    "vary": "Origin",
  });
  for (const other of [OTHER, "null", "http://mainsail.local:8080", "https://mainsail.local"]) {
    assertEquals(await ask(allowed, other), { "vary": "Origin" });
  }
  assertEquals(await ask(allowed), { "vary": "Origin" });
});

Deno.test("cors() allows streams, JSON and errors", async () => {
  const { app, source, camera } = setUp({ allowOrigin: [MAINSAIL] });
  const headers = { Origin: MAINSAIL };
  const asking = app.request("/?action=stream", { headers });
  await source.push(jpegWith("one"));
  const stream = await asking;
  for (
    const response of [
      stream,
      await app.request("/cameras", { headers }),
      await app.request("/video_feed?fps=0", { headers }),
      await app.request("/nothing", { headers }),
      await app.request("/video_feed", { headers, method: "POST" }),
    ]
  ) {
    assertEquals(response.headers.get("Access-Control-Allow-Origin"), MAINSAIL);
    await response.body!.cancel();
  }
  assertEquals(camera.stats().viewers, 0);
  await camera.close();
});

Deno.test("cors() answers preflight requests of allowed origins, and starts no camera", async () => {
  const { app, source } = setUp({ allowOrigin: [MAINSAIL] });
  const preflight = (origin: string) =>
    app.request("/video_feed", {
      method: "OPTIONS",
      headers: {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization,x-own",
      },
    });
  const allowed = await preflight(MAINSAIL);
  assertEquals([allowed.status, allowed.headers.get("Allow")], [204, "GET, HEAD, POST, OPTIONS"]);
  assertEquals(corsHeaders(allowed.headers), {
    "access-control-allow-origin": MAINSAIL,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET,HEAD,POST",
    "access-control-allow-headers": "authorization,x-own",
    "access-control-max-age": "600",
    "access-control-expose-headers": "X-Timestamp",
    "vary": "Origin, Access-Control-Request-Headers",
  });
  const refused = await preflight(OTHER);
  assertEquals(corsHeaders(refused.headers), { "vary": "Origin" });
  assertEquals(source.opened, 0);
});

Deno.test("cors() lets pages of allowed origins read why they get 401, 404 or 503", async () => {
  const access = { user: "me", password: "x" };
  const { app, clock, camera } = setUp({ allowOrigin: [MAINSAIL], access, maxViewers: 0 });
  const Authorization = `Basic ${btoa("me:x")}`;
  for (
    const [path, headers, status] of [
      ["/cameras", {}, 401],
      ["/nothing", { Authorization }, 404],
      ["/cameras/other/snapshot.jpg", { Authorization }, 404],
      ["/video_feed", { Authorization }, 503],
      ["/snapshot.jpg", { Authorization }, 503],
    ] as const
  ) {
    const asking = app.request(path, { headers: { Origin: MAINSAIL, ...headers } });
    await clock.advance(10_000); // the camera delivers no frame
    const response = await asking;
    await response.body?.cancel();
    assertEquals([path, response.status, corsHeaders(response.headers)], [path, status, {
      "access-control-allow-origin": MAINSAIL,
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "X-Timestamp",
      "vary": "Origin",
    }]);
  }
  await camera.close();
});

Deno.test("cors() answers preflight requests under AUTH for allowed origins only", async () => {
  const access = { user: "me", password: "x" };
  const { app, source } = setUp({ allowOrigin: [MAINSAIL], access });
  const preflight = async (origin: string) => {
    const response = await app.request("/snapshot.jpg", {
      method: "OPTIONS",
      headers: {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
      },
    });
    await response.body?.cancel();
    return [response.status, response.headers.get("Access-Control-Allow-Headers")];
  };
  assertEquals(await preflight(MAINSAIL), [204, "authorization"]);
  assertEquals(await preflight(OTHER), [401, null]);
  assertEquals(source.opened, 0);
});

Deno.test("cors() does not change WebSocket handshakes", async () => {
  for (const allowOrigin of ["*", [MAINSAIL]] as const) {
    const { app } = setUp({ allowOrigin });
    const { status, headers, body } = await app.request("/live", {
      headers: { "Origin": MAINSAIL, "Upgrade": "websocket", "Sec-WebSocket-Version": "13" },
    });
    await body?.cancel();
    assertEquals([status, corsHeaders(headers)], [403, {}]); // from another origin
  }
});

Deno.test("cors() does not change 404 and 405 responses", async () => {
  const { app } = setUp({ allowOrigin: "*" });
  assertEquals((await app.request("/nothing")).status, 404);
  assertEquals((await app.request("/nothing", { method: "OPTIONS" })).status, 404);
  assertEquals((await app.request("/cameras", { method: "DELETE" })).status, 405);
});

Deno.test("ALLOW_ORIGIN is *, or a list of origins in the form that browsers send", () => {
  const read = (text: string) => readConfig({ ALLOW_ORIGIN: text }).allowOrigin;
  assertEquals(read("*"), "*");
  assertEquals(read(" HTTP://Mainsail.local/ , https://a.example:443 http://10.0.0.2:8080"), [
    "http://mainsail.local",
    "https://a.example",
    "http://10.0.0.2:8080",
  ]);
  for (
    const wrong of ["mainsail.local", "http://a/page", "http://a?x", "http://a/?", "file:///x"]
      .concat("null", "*,http://a", "http://u:p@a", "http://*.local:x")
  ) {
    const error = assertThrows(() => read(wrong), ConfigError, "Cannot read ALLOW_ORIGIN as orig");
    assertFalse(error.message.includes("\n"));
  }
});
