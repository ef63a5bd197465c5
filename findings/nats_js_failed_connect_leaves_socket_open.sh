#!/usr/bin/env bash
# The NATS client for JavaScript leaves its socket open when an attempt to connect times out.
#
# Expected: connect() that fails with "timeout" has closed its TCP connection.
# Seen: the connection stays open, as long as the process and the server do. The client's transport for Node closes only
#   a connection whose handshake was complete.
# Versions: @nats-io/transport-node 3.4.0 (npm package), Node 20.20.2. The server accepts connections and is silent, as a
#   nats-server that is stopped by SIGSTOP.
# Output seen:
#   5 attempts: timeout, timeout, timeout, timeout, timeout; 5 connections still open after 3 s
# Why it matters: a program that calls connect() again and again while the server is frozen or overloaded fills its
#   table of file descriptors.
set -euo pipefail

for program in npm node; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix "$tmp" @nats-io/transport-node@3.4.0
echo "node $(node --version)"

cat > observe.mjs <<'JS'
import { createServer } from "node:net";
import { connect } from "@nats-io/transport-node";

let open = 0;
const server = createServer((socket) => {
  open++;
  socket.on("close", () => open--).on("error", () => {}).resume();
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const servers = `127.0.0.1:${server.address().port}`;
const outcomes = [];
for (let i = 0; i < 5; i++) {
  const attempt = connect({ servers, timeout: 300, reconnect: false });
  outcomes.push(await attempt.then(() => "connected", ({ message }) => message));
}
await new Promise((resolve) => setTimeout(resolve, 3000));
console.log(`5 attempts: ${outcomes.join(", ")}; ${open} connections still open after 3 s`);
const isAsDescribed = open === 5;
console.log(isAsDescribed ? "as described" : "changed: other results than in the head of this script");
process.exit(isAsDescribed ? 0 : 1);
JS
node observe.mjs
