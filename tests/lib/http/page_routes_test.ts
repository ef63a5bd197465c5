import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { errorResponse } from "../../../lib/http/errors.ts";
import { pageRoutes, readPages } from "../../../lib/http/page_routes.ts";

const folder = fromFileUrl(new URL("../../../static", import.meta.url));

Deno.test("the page at / names only files that are there, by relative addresses", async () => {
  const app = pageRoutes(await readPages(folder));
  const response = await app.request("/");
  assertEquals(response.headers.get("Content-Type"), "text/html; charset=utf-8");
  const files = [...(await response.text()).matchAll(/(?:src|href)="(static\/[^"]+)"/g)];
  assert(files.length >= 3);
  for (const [, file] of files) {
    const { status, headers } = await app.request(`/${file}`);
    assertEquals([file, status], [file, 200]);
    assertEquals(headers.get("X-Content-Type-Options"), "nosniff");
  }
});

Deno.test("pages forbid everything from elsewhere", async () => {
  const app = pageRoutes(await readPages(folder));
  const policy = (await app.request("/")).headers.get("Content-Security-Policy")!;
  assertStringIncludes(policy, "default-src 'none'");
  assert(!/https?:|\*|unsafe/.test(policy), policy);
});

Deno.test("a page that has not changed is not sent again", async () => {
  const app = pageRoutes(await readPages(folder));
  const etag = (await app.request("/")).headers.get("ETag")!;
  assertMatch(etag, /^(W\/)?"[^"]+"$/);
  const again = await app.request("/", { headers: { "If-None-Match": etag } });
  assertEquals([again.status, await again.text()], [304, ""]);
  const other = await app.request("/", { headers: { "If-None-Match": '"other"' } });
  assertEquals(other.status, 200);
});

Deno.test("who can unpack it gets a page packed, with a tag of its own", async () => {
  const app = pageRoutes(await readPages(folder));
  const plain = await app.request("/static/style.css");
  const css = await plain.text();
  const headers = { "Accept-Encoding": "gzip, deflate, br" };
  const packed = await app.request("/static/style.css", { headers });
  assertEquals([plain, packed].map((one) => one.headers.get("Content-Encoding")), [null, "gzip"]);
  assertEquals(packed.headers.get("Vary"), "Accept-Encoding");
  assertNotEquals(packed.headers.get("ETag"), plain.headers.get("ETag"));
  const bytes = await packed.bytes();
  assertLess(bytes.length, css.length / 2);
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  assertEquals(await new Response(unpacked).text(), css);
  const refusing = { "Accept-Encoding": "gzip;q=0" };
  const refused = await app.request("/static/style.css", { headers: refusing });
  assertEquals(await refused.text(), css);
});

Deno.test("no address leads out of the folder of the pages", async () => {
  const log = { info() {}, warn() {}, error() {} };
  const app = pageRoutes(await readPages(folder))
    .onError((error, c) => errorResponse(error, c.req.raw, log));
  for (
    const path of [
      "../main.ts",
      "..%2fmain.ts",
      "%2e%2e/main.ts",
      "%2e%2e%2fmain.ts",
      "..%5cmain.ts",
    ]
  ) {
    const { status } = await app.request(`/static/${path}`);
    assertEquals([path, status], [path, 404]);
  }
});
