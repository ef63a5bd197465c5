#!/usr/bin/env bash
# Hono answers HEAD with the handler of GET and drops the body without cancelling it.
#
# Expected: where app.get() serves a stream, HEAD gets the headers of GET, and the stream is cancelled, as Deno.serve
#   does it without Hono: it calls cancel() on the body that it does not send.
# Seen: the stream's cancel() is never called, so whatever feeds it stays open. The response also says
#   Content-Length: 0, a length that GET would not have (RFC 9110, section 8.6).
# Versions: hono 4.13.19 on Deno.serve, deno 2.9.6 (npm packages).
# Output seen:
#   GET, Hono: opened 1, cancelled 1, Content-Length none
#   GET, Deno.serve alone: opened 1, cancelled 1, Content-Length none
#   HEAD, Hono: opened 1, cancelled 0, Content-Length 0
#   HEAD, Deno.serve alone: opened 1, cancelled 1, Content-Length none
# Why it matters: a player or a health check that sends HEAD to a camera's stream leaves one viewer behind each time.
#   The camera never becomes idle. Route handlers of streams must handle HEAD themselves.
set -euo pipefail

command -v npm > /dev/null || { echo "npm is not installed"; exit 2; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix "$tmp" deno@2.9.6 hono@4.13.19
export DENO_DIR="$tmp/cache" NO_COLOR=1
node_modules/.bin/deno --version | sed -n 1p

cat > observe.mjs <<'JS'
import { Hono } from "hono";

let opened = 0, cancelled = 0;

/** Opens a stream without an end. */
function openStream() {
  opened++;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      controller.enqueue(new Uint8Array(100));
    },
    cancel: () => void cancelled++,
  }, { highWaterMark: 0 });
}

function serve(handler) {
  const { port } = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler).addr;
  return `http://127.0.0.1:${port}/stream`;
}

const app = new Hono().get("/stream", (context) => context.body(openStream()));
const servers = { "Hono": serve(app.fetch), "Deno.serve alone": serve(() => new Response(openStream())) };
const results = [];
for (const method of ["GET", "HEAD"]) {
  for (const [name, url] of Object.entries(servers)) {
    opened = cancelled = 0;
    const response = await fetch(url, { method });
    await response.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const length = response.headers.get("content-length") ?? "none";
    results.push(`${opened} ${cancelled} ${length}`);
    console.log(`${method}, ${name}: opened ${opened}, cancelled ${cancelled}, Content-Length ${length}`);
  }
}
const asDescribed = results.join() === "1 1 none,1 1 none,1 0 0,1 1 none";
console.log(asDescribed ? "as described" : "changed: other results than in the head of this script");
Deno.exit(asDescribed ? 0 : 1);
JS
timeout 40 node_modules/.bin/deno run --quiet --allow-all observe.mjs
