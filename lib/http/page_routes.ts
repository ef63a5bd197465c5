import { eTag, ifNoneMatch } from "@std/http/etag";
import { acceptsEncodings } from "@std/http/negotiation";
import { type Context, Hono } from "hono";
import type { Bytes } from "../bytes.ts";
import { HttpError } from "./errors.ts";

/** A file of the web page. Each form is computed at the first request for it, and then kept. */
interface Page {
  readonly type: string;
  plain(): Promise<Content>;
  /** Compressed to about a third of the size. */
  gzip(): Promise<Content>;
}

interface Content {
  readonly bytes: Bytes;
  readonly etag: string;
}

/** The files of the web page by name; see {@link readPages}. */
export type Pages = ReadonlyMap<string, Page>;

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

/** Content security policy: the page loads nothing from other servers. */
const POLICY =
  "default-src 'none'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self'; " +
  "script-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'";

/**
 * Reads the names of all files when the server starts, so that requests cannot reach any other file.
 * The files are read later: the server starts sooner, and needs no memory for those that nobody
 * requests.
 */
export function readPages(folder: string): Pages {
  const pages = new Map<string, Page>();
  for (const { name } of Deno.readDirSync(folder)) {
    const type = TYPES[name.slice(name.lastIndexOf("."))];
    if (!type) continue;
    const plain = once(async () => await contentOf(await Deno.readFile(`${folder}/${name}`)));
    const gzip = once(async () => await contentOf(await compress((await plain()).bytes)));
    pages.set(name, { type, plain, gzip });
  }
  return pages;
}

/** Calls a function at the first call, and again only after it has failed. */
function once<T>(compute: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () =>
    result ??= compute().catch((error) => {
      result = undefined;
      throw error;
    });
}

async function contentOf(bytes: Bytes): Promise<Content> {
  return { bytes, etag: (await eTag(bytes))! };
}

async function compress(bytes: Bytes): Promise<Bytes> {
  const compressed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(compressed).arrayBuffer());
}

/** `GET /`: the web page, and `GET /static/…`: its files. */
export function pageRoutes(pages: Pages): Hono {
  return new Hono()
    .get("/", (c) => {
      const action = c.req.query("action");
      if (action === undefined) return send(c, "index.html");
      throw new HttpError(400, "Cannot read action as stream or snapshot");
    })
    .get("/favicon.ico", (c) => send(c, "favicon.svg"))
    .get("/static/:name", (c) => send(c, c.req.param("name")));

  async function send(c: Context, name: string): Promise<Response> {
    const page = pages.get(name);
    if (!page) throw new HttpError(404, "Not found");
    const encoding = acceptsEncodings(c.req.raw, "identity", "gzip") === "gzip" ? "gzip" : "plain";
    const { bytes, etag } = await page[encoding]();
    const headers = {
      "Content-Type": page.type,
      "Content-Security-Policy": POLICY,
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
      "Cache-Control": "no-cache",
      "ETag": etag,
      "Vary": "Accept-Encoding",
    };
    const isModified = ifNoneMatch(c.req.header("If-None-Match") ?? null, etag);
    if (!isModified) return c.body(null, 304, headers);
    return c.body(
      bytes,
      200,
      encoding === "gzip" ? { ...headers, "Content-Encoding": "gzip" } : headers,
    );
  }
}
