#!/usr/bin/env bash
# The NATS client for JavaScript accepts any amount of data for a server that reads nothing, and counts it as sent.
#
# Expected: publish() is limited by what the server reads: it throws, drops, or returns something to wait for; or
#   stats() and status() show that data is waiting. (Other clients of NATS block, or have a limit for pending data.)
# Seen: publish() ignores the result of the socket's write(). 200 MB are in the memory of the process, stats() counts
#   them as sent, and there is no event. Only flush() shows it: it waits for the answer to a PING behind the data.
# Version: @nats-io/transport-node 3.4.0 (npm package), Node 20.20.2. The server here accepts and then reads nothing.
# Output seen:
#   published 200 MB: errors 0, events none
#   sent according to stats(): 200 MB; growth of the process: 216 MB; flush() returned: no
# Why it matters: a publisher of live data, such as camera frames, on a link that is too slow shows no sign of it,
#   while its memory grows and its data gets older and older. Wait for flush() before the next message.
set -euo pipefail

for program in npm node; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix "$tmp" @nats-io/transport-node@3.4.0
echo "node $(node --version)"

cat > server.mjs <<'JS'
import { createServer } from "node:net";

const INFO = { server_id: "recorder", version: "2.10.0", proto: 1, max_payload: 1048576, headers: true };
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.write(`INFO ${JSON.stringify(INFO)}\r\n`);
  socket.on("data", (data) => {
    if (!data.includes("PING\r\n")) return;
    socket.write("PONG\r\n");
    socket.pause();
  });
});
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
process.on("disconnect", () => process.exit());
JS

cat > observe.mjs <<'JS'
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "@nats-io/transport-node";

const MB = 1_000_000, MESSAGES = 200;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const server = fork("server.mjs");
const [port] = await once(server, "message");
const client = await connect({ servers: `127.0.0.1:${port}` });
const events = [];
(async () => {
  for await (const { type } of client.status()) events.push(type);
})();
const memory = () => process.memoryUsage().rss;

const before = memory();
let errors = 0;
for (let i = 0; i < MESSAGES; i++) {
  try {
    client.publish("frames", new Uint8Array(MB));
  } catch {
    errors++;
  }
  await sleep(5);
}
const flushed = await Promise.race([client.flush().then(() => "yes"), sleep(2_000).then(() => "no")]);
const sent = Math.round(client.stats().outBytes / MB);
const waiting = Math.round((memory() - before) / MB);
console.log(`published ${MESSAGES} MB: errors ${errors}, events ${events.join(", ") || "none"}`);
const growth = `growth of the process: ${waiting} MB`;
console.log(`sent according to stats(): ${sent} MB; ${growth}; flush() returned: ${flushed}`);
const asDescribed = errors === 0 && events.length === 0 && sent >= MESSAGES && waiting > MESSAGES / 2 &&
  flushed === "no";
console.log(asDescribed ? "as described" : "changed: other numbers than in the head of this script");
server.disconnect();
process.exit(asDescribed ? 0 : 1);
JS
timeout 30 node observe.mjs
