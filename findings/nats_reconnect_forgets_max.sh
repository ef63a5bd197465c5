#!/usr/bin/env bash
# The NATS client for JavaScript subscribes without the limit `max` again after a reconnect.
#
# Expected: subscribe(subject, { max: 3 }) sends SUB and "UNSUB <id> 3", so that the server itself delivers no more than
#   three messages. After a reconnect, the client sends both again, with the number that is left.
# Seen: after a reconnect, it sends SUB only. The server then delivers messages until the client has counted to the
#   limit and its UNSUB has travelled back; the client discards the surplus.
# Versions: @nats-io/transport-node 3.4.0 (npm package), Node 20.20.2. The server here is a recorder of the protocol.
# Output seen:
#   first connection: SUB frames 1 | UNSUB 1 3
#   after a reconnect: SUB frames 1
# Why it matters: `max` is the way to request camera frames by credit, one by one. After a reconnect over a slow link,
#   more frames than requested can fill the link, at the moment when it has just recovered.
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
/** The commands of each connection that concern subscriptions. */
const commands = [];
const sockets = [];

const server = createServer((socket) => {
  const own = [];
  commands.push(own);
  sockets.push(socket);
  socket.on("error", () => {});
  socket.write(`INFO ${JSON.stringify(INFO)}\r\n`);
  let text = "";
  socket.on("data", (data) => {
    const lines = (text += data).split("\r\n");
    text = lines.pop();
    for (const line of lines) {
      if (line === "PING") socket.write("PONG\r\n");
      if (/^(SUB|UNSUB) /.test(line)) own.push(line.replace(/ +/g, " "));
    }
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const client = await connect({ servers: `127.0.0.1:${server.address().port}`, reconnectTimeWait: 100 });

let received = 0;
client.subscribe("frames", { max: 3, callback: () => void received++ });
await client.flush();
sockets[0].write("MSG frames 1 1\r\na\r\n"); // one of three
while (received < 1) await new Promise((resolve) => setTimeout(resolve, 10));
sockets[0].destroy();
while (sockets.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
await new Promise((resolve) => setTimeout(resolve, 500));
await client.flush();

const [first, second] = commands.map((own) => own.join(" | "));
console.log(`first connection: ${first}`);
console.log(`after a reconnect: ${second}`);
const asDescribed = first === "SUB frames 1 | UNSUB 1 3" && second === "SUB frames 1";
console.log(asDescribed ? "as described" : "changed: other commands than in the head of this script");
process.exit(asDescribed ? 0 : 1);
JS
timeout 30 node observe.mjs
