#!/usr/bin/env bash
# The NATS client for JavaScript keeps what is published while it is disconnected, or drops it, depending on the server.
#
# Expected: publish() returns nothing and does not fail while there is no connection, so messages are either all
#   dropped or all sent after the reconnect. The documentation says only that the size of the buffer cannot be set.
# Seen: each attempt to connect empties the buffer, and what is published after the start of the last attempt is sent.
#   While the server refuses connections, that is next to nothing. While it accepts a connection but does not respond
#   (frozen, or behind a proxy), an attempt takes up to 20 s by default, and everything since its start is sent.
# Versions: @nats-io/transport-node 3.4.0 (npm package), Node 20.20.2. The server here is a recorder of the protocol.
# Output seen:
#   refused connections for 2 s: 0 of 20 messages, one every 100 ms, were sent afterwards
#   a silent server for 2 s: 16 of 20 messages, one every 100 ms, were sent afterwards
# Why it matters: live data, such as camera frames, is sent when it is 20 seconds old, at the moment when the link has
#   just recovered, and the buffer has no limit. Never publish unless status() has said that the client is connected.
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

const INFO = { server_id: "recorder", version: "2.10.0", proto: 1, max_payload: 1048576, headers: true };
const MESSAGES = 20;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Interrupts the service of a server for two seconds, and returns how many messages of that time are sent. */
async function observe(interruption) {
  const received = [], sockets = new Set();
  let silent = false;
  const waiting = [];
  const greet = (socket) => socket.write(`INFO ${JSON.stringify(INFO)}\r\n`);
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    if (silent) waiting.push(socket);
    else greet(socket);
    let text = "";
    socket.on("data", (data) => {
      const lines = (text += data).split("\r\n");
      text = lines.pop();
      for (const line of lines) {
        if (line === "PING") socket.write("PONG\r\n");
        if (/^message \d+$/.test(line)) received.push(Number(line.slice(8)));
      }
    });
  });
  const listen = (port) => new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address();
  const client = await connect({ servers: `127.0.0.1:${port}`, reconnectTimeWait: 500, reconnectJitter: 0 });
  await client.flush();

  const closed = interruption === "refused" && new Promise((resolve) => server.close(resolve));
  silent = true;
  for (const socket of sockets) socket.destroy();
  await closed;
  let published = 0;
  const publisher = setInterval(() => client.publish("frames", `message ${++published}`), 100);
  while (published < MESSAGES) await sleep(5);
  silent = false;
  if (closed) await listen(port);
  else for (const socket of waiting) greet(socket);
  await sleep(1_500);
  clearInterval(publisher);
  await client.flush();
  await client.close();
  server.close();
  return received.filter((number) => number <= MESSAGES).length;
}

const refused = await observe("refused");
const silent = await observe("silent");
const rest = `of ${MESSAGES} messages, one every 100 ms, were sent afterwards`;
console.log(`refused connections for 2 s: ${refused} ${rest}`);
console.log(`a silent server for 2 s: ${silent} ${rest}`);
const asDescribed = refused <= 6 && silent >= 10;
console.log(asDescribed ? "as described" : "changed: other numbers than in the head of this script");
process.exit(asDescribed ? 0 : 1);
JS
timeout 40 node observe.mjs
