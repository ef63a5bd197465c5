#!/usr/bin/env bash
# In the NATS client for JavaScript, a subscription's callback that throws once ends the delivery of all messages.
#
# Expected: an exception in a callback concerns its message: it is an unhandled exception of the process, an event of
#   status(), or it ends this subscription. The same callback of an EventEmitter would end the process.
# Seen: the client prints "reader closed" and the exception, and reads nothing more from the server: no message of any
#   subscription arrives, and flush() does not return. The client is not closed, status() reports no disconnect, and
#   the process runs on. It reconnects when the answers to its own pings are missing: by default after four to six
#   minutes.
# Versions: @nats-io/transport-node 3.4.0 (npm package), Node 20.20.2. The server here is a recorder of the protocol.
# Output seen:
#   before the exception: 1 message for "careless", 1 for "careful"
#   after the exception, of 3 messages each: 0 for "careless", 0 for "careful"
#   closed: no; events within 2 s: none; flush() returned: no
# Why it matters: a single malformed message, such as JSON that message.json() cannot parse, silences a program for
#   minutes. Catch every exception in callbacks.
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
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ids = {};
let socket;

const server = createServer((accepted) => {
  socket = accepted;
  socket.on("error", () => {});
  socket.write(`INFO ${JSON.stringify(INFO)}\r\n`);
  let text = "";
  socket.on("data", (data) => {
    const lines = (text += data).split("\r\n");
    text = lines.pop();
    for (const line of lines) {
      if (line === "PING") socket.write("PONG\r\n");
      const [, subject, id] = /^SUB (\S+) +(\d+)$/.exec(line) ?? [];
      if (subject) ids[subject] = id;
    }
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const client = await connect({ servers: `127.0.0.1:${server.address().port}` });
const send = (subject, text) => socket.write(`MSG ${subject} ${ids[subject]} ${text.length}\r\n${text}\r\n`);

const received = { careless: 0, careful: 0 };
client.subscribe("careless", {
  callback: (_, message) => {
    message.json();
    received.careless++;
  },
});
client.subscribe("careful", { callback: () => void received.careful++ });
await client.flush();
send("careless", "{}");
send("careful", "{}");
await client.flush();
const before = { ...received };
console.log(`before the exception: ${before.careless} message for "careless", ${before.careful} for "careful"`);

const events = [];
(async () => {
  for await (const { type } of client.status()) events.push(type);
})();
process.on("uncaughtException", () => events.push("uncaughtException"));
process.on("unhandledRejection", () => events.push("unhandledRejection"));
send("careless", "{"); // not JSON
await sleep(100);
for (let i = 0; i < 3; i++) {
  send("careless", "{}");
  send("careful", "{}");
}
const flushed = await Promise.race([client.flush().then(() => "yes", () => "yes"), sleep(2_000).then(() => "no")]);
const [careless, careful] = [received.careless - before.careless, received.careful - before.careful];
const closed = client.isClosed() ? "yes" : "no";
console.log(`after the exception, of 3 messages each: ${careless} for "careless", ${careful} for "careful"`);
console.log(`closed: ${closed}; events within 2 s: ${events.join(", ") || "none"}; flush() returned: ${flushed}`);
const asDescribed = before.careless === 1 && before.careful === 1 && careless === 0 && careful === 0 &&
  closed === "no" && events.length === 0 && flushed === "no";
console.log(asDescribed ? "as described" : "changed: other numbers or events than in the head of this script");
process.exit(asDescribed ? 0 : 1);
JS
timeout 30 node observe.mjs
