import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { errorResponse } from "../../../lib/http/errors.ts";
import { pageRoutes, readPages } from "../../../lib/http/page_routes.ts";

const folder = fromFileUrl(new URL("../../../static", import.meta.url));

Deno.test("the page at / refers only to existing files, by relative URLs", async () => {
  const app = pageRoutes(readPages(folder));
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

Deno.test("the content security policy of pages allows nothing from other servers", async () => {
  const app = pageRoutes(readPages(folder));
  const policy = (await app.request("/")).headers.get("Content-Security-Policy")!;
  assertStringIncludes(policy, "default-src 'none'");
  assertStringIncludes(policy, "; media-src 'self' blob:;");
  assert(!/https?:|\*|unsafe/.test(policy), policy);
});

Deno.test("a client with the current version of a page gets 304", async () => {
  const app = pageRoutes(readPages(folder));
  const etag = (await app.request("/")).headers.get("ETag")!;
  assertMatch(etag, /^(W\/)?"[^"]+"$/);
  const again = await app.request("/", { headers: { "If-None-Match": etag } });
  assertEquals([again.status, await again.text()], [304, ""]);
  const other = await app.request("/", { headers: { "If-None-Match": '"other"' } });
  assertEquals(other.status, 200);
});

Deno.test("a client that accepts gzip gets pages compressed, with another ETag", async () => {
  const app = pageRoutes(readPages(folder));
  const plain = await app.request("/static/style.css");
  const css = await plain.text();
  const headers = { "Accept-Encoding": "gzip, deflate, br" };
  const compressed = await app.request("/static/style.css", { headers });
  assertEquals([plain, compressed].map(({ headers }) => headers.get("Content-Encoding")), [
    null,
    "gzip",
  ]);
  assertEquals(compressed.headers.get("Vary"), "Accept-Encoding");
  assertNotEquals(compressed.headers.get("ETag"), plain.headers.get("ETag"));
  const bytes = await compressed.bytes();
  assertLess(bytes.length, css.length / 2);
  const decompressed = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  assertEquals(await new Response(decompressed).text(), css);
  const refusing = { "Accept-Encoding": "gzip;q=0" };
  const refused = await app.request("/static/style.css", { headers: refusing });
  assertEquals(await refused.text(), css);
});

Deno.test("no URL leads out of the folder with the pages", async () => {
  const log = { info() {}, warn() {}, error() {} };
  const app = pageRoutes(readPages(folder))
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

Deno.test("pageRoutes() serves images and a manifest with their types, and no other kind of file", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["icon.png", "app.webmanifest", "notes.txt"]) {
      await Deno.writeTextFile(join(folder, name), name);
    }
    const app = pageRoutes(readPages(folder))
      .onError((error, c) => errorResponse(error, c.req.raw, { info() {}, warn() {}, error() {} }));
    const typeOf = async (name: string) => {
      const { status, headers, body } = await app.request(`/static/${name}`);
      await body?.cancel();
      return status === 200 ? headers.get("Content-Type") : status;
    };
    assertEquals(await typeOf("icon.png"), "image/png");
    assertEquals(await typeOf("app.webmanifest"), "application/manifest+json");
    assertEquals(await typeOf("notes.txt"), 404);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("pageRoutes() reads a file at the first request, and again only after a failure", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "style.css");
    await Deno.writeTextFile(file, "old");
    const log = { info() {}, warn() {}, error() {} };
    const app = pageRoutes(readPages(folder))
      .onError((error, c) => errorResponse(error, c.req.raw, log));
    const ask = async () => {
      const response = await app.request("/static/style.css");
      return [response.status, await response.text()];
    };
    await Deno.remove(file);
    assertEquals((await ask())[0], 500);
    await Deno.writeTextFile(file, "new");
    assertEquals(await ask(), [200, "new"]);
    await Deno.remove(file);
    assertEquals(await ask(), [200, "new"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
