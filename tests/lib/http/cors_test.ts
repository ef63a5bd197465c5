import { assertEquals, assertFalse, assertThrows } from "@std/assert";
import { type AllowedOrigins, readConfig } from "../../../lib/config.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { jpegWith, setUp } from "./fake_source.ts";

const MAINSAIL = "http://mainsail.local";
const OTHER = "https://elsewhere.example";

/** The CORS headers, and `Vary`, of a snapshot that a page of `origin` asks for. */
async function ask(allowOrigin: AllowedOrigins, origin?: string) {
  const { app, source, camera } = setUp({ allowOrigin });
  const asking = app.request("/snapshot.jpg", { headers: origin ? { Origin: origin } : {} });
  await source.push(jpegWith("one"));
  const { headers, body } = await asking;
  await body!.cancel();
  await camera.close();
  return aboutOrigins(headers);
}

function aboutOrigins(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    [...headers].filter(([name]) => name === "vary" || name.startsWith("access-control-")),
  );
}

Deno.test("nobody's pages may read the answers unless ALLOW_ORIGIN says so", async () => {
  assertEquals(await ask([], MAINSAIL), {});
  assertEquals(readConfig({}).allowOrigin, []);
});

Deno.test("with * all pages may read the answers, without a password of the browser", async () => {
  assertEquals(await ask("*", MAINSAIL), {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "X-Timestamp",
  });
  assertEquals(await ask("*"), {});
});

Deno.test("an origin that is named may read the answers, others may not, and caches are told", async () => {
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

Deno.test("the stream, errors and JSON are allowed as well", async () => {
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

Deno.test("a preflight is answered for an allowed origin, and starts no camera", async () => {
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
  assertEquals([allowed.status, allowed.headers.get("Allow")], [204, "GET, HEAD, OPTIONS"]);
  assertEquals(aboutOrigins(allowed.headers), {
    "access-control-allow-origin": MAINSAIL,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET,HEAD",
    "access-control-allow-headers": "authorization,x-own",
    "access-control-max-age": "600",
    "access-control-expose-headers": "X-Timestamp",
    "vary": "Origin, Access-Control-Request-Headers",
  });
  const refused = await preflight(OTHER);
  assertEquals(aboutOrigins(refused.headers), { "vary": "Origin" });
  assertEquals(source.opened, 0);
});

Deno.test("a list of origins does not make an unknown address or a wrong method known", async () => {
  const { app } = setUp({ allowOrigin: "*" });
  assertEquals((await app.request("/nothing")).status, 404);
  assertEquals((await app.request("/nothing", { method: "OPTIONS" })).status, 404);
  assertEquals((await app.request("/cameras", { method: "DELETE" })).status, 405);
});

Deno.test("ALLOW_ORIGIN is *, or origins between commas or spaces, in the form that browsers send", () => {
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
