#!/usr/bin/env bash
# In Deno, --allow-net=NAME:PORT does not suffice for a Node package that looks up NAME before it connects.
#
# Expected: a client that connects to NAME:PORT needs --allow-net=NAME:PORT, however it finds the address; otherwise
#   the error names the permission that is missing, as with Deno.connect.
# Seen: dns.lookup of node:dns also needs the name without a port, and the connection the address with the port. The
#   error names no permission: "getaddrinfo EPERM localhost". So the client of NATS fails; with its option resolve:
#   false, it leaves the look-up to the connection and works.
# Versions: Deno 2.9.6, @nats-io/transport-node 3.4.0 (npm packages).
# Output seen:
#   --allow-net=localhost:PORT:
#     Deno.connect: yes
#     node:net: yes
#     dns.lookup: no, getaddrinfo EPERM localhost
#     NATS: no, getaddrinfo EPERM localhost
#     NATS with resolve: false: yes
#   --allow-net=localhost,127.0.0.1:PORT: five times yes
# Why it matters: the obvious permission for a server's address is refused without a hint, and the usual remedy is
#   --allow-net for every address.
set -euo pipefail

command -v npm > /dev/null || { echo "npm is not installed"; exit 2; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund deno@2.9.6 @nats-io/transport-node@3.4.0
deno="$tmp/node_modules/.bin/deno"
export NO_COLOR=1 DENO_DIR="$tmp/cache"
"$deno" --version | sed -n 1p

cat > server.mjs <<'JS'
import { createServer } from "node:net";

const INFO = { server_id: "recorder", version: "2.10.0", proto: 1, max_payload: 1048576, headers: true };
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.write(`INFO ${JSON.stringify(INFO)}\r\n`);
  socket.on("data", (data) => data.includes("PING\r\n") && socket.write("PONG\r\n"));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
"$deno" run -q -A server.mjs > port &
server=$!
trap 'kill "$server"; rm -rf "$tmp"' EXIT
for _ in $(seq 100); do [ -s port ] || sleep 0.1; done
port=$(cat port)

cat > observe.mjs <<'JS'
import { promises } from "node:dns";
import { connect as connectSocket } from "node:net";
import process from "node:process";
import { connect } from "@nats-io/transport-node";

const port = Number(Deno.args[0]);
const servers = `localhost:${port}`;
const ways = {
  "Deno.connect": async () => (await Deno.connect({ hostname: "localhost", port })).close(),
  "node:net": () =>
    new Promise((resolve, reject) => {
      const socket = connectSocket(port, "localhost", () => resolve(socket.destroy()));
      socket.on("error", reject);
    }),
  "dns.lookup": () => promises.lookup("localhost"),
  "NATS": async () => (await connect({ servers, reconnect: false })).close(),
  "NATS with resolve: false": async () => (await connect({ servers, reconnect: false, resolve: false })).close(),
};
for (const [name, run] of Object.entries(ways)) {
  await run().then(() => console.log(`${name}: yes`), (error) => console.log(`${name}: no, ${error.message}`));
}
process.exit();
JS
changed=0
check() { # permission, expected answers
  local seen
  seen=$(timeout 60 "$deno" run -q --no-prompt --allow-read --allow-env --allow-net="$1" observe.mjs "$port")
  echo "--allow-net=${1//$port/PORT}:"
  echo "${seen//$port/PORT}" | sed 's/^/  /'
  [ "$(echo "$seen" | sed -n 's/.*: \(yes\|no\).*/\1/p' | paste -sd ' ')" = "$2" ] || changed=1
}
check "localhost:$port" "yes yes no no yes"
check "localhost,127.0.0.1:$port" "yes yes yes yes yes"
if [ "$changed" = 0 ]; then echo "as described"; else echo "changed: other answers than in the head of this script"; fi
exit "$changed"
