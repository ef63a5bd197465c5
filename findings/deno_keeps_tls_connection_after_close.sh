#!/usr/bin/env bash
# Deno keeps a TLS connection open that is closed during its handshake.
#
# Expected: TlsConn.close() closes the TCP connection, also while the handshake waits for the other side. TcpConn.close()
#   does, and Node's tlsSocket.destroy().
# Seen: handshake() is rejected ("operation canceled"), but the TCP connection stays open until the other side closes it.
# Versions: deno 2.9.6 (npm package), Node 20.20.2.
# Output seen:
#   Deno, TcpConn.close(): closed
#   Deno, TlsConn.close(): still open after 5 s
#   Node, tlsSocket.destroy(): closed
# Why it matters: a client that gives up after a time limit and tries again, as to a server that accepts connections and
#   does not answer, leaves one open connection behind for each attempt.
set -euo pipefail

for program in npm node; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --prefix "$tmp" deno@2.9.6
deno="$tmp/node_modules/.bin/deno"
export DENO_DIR="$tmp/cache" NO_COLOR=1
"$deno" --version | sed -n 1p
echo "node $(node --version)"

mkdir "$tmp/files"
cd "$tmp/files"
# A server that accepts connections, never answers, and tells when a client has closed its connection.
cat > server.mjs <<'JS'
import { createServer } from "node:net";

export async function listen() {
  let onConnection;
  const server = createServer((socket) => {
    const closed = new Promise((resolve) => socket.on("end", () => resolve("closed")));
    socket.on("error", () => {}).resume();
    onConnection(closed);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    next: () => new Promise((resolve) => onConnection = (closed) => resolve({ closed })),
  };
}

export async function outcome(closed) {
  return await Promise.race([
    closed,
    new Promise((resolve) => setTimeout(() => resolve("still open after 5 s"), 5000)),
  ]);
}

export const pause = () => new Promise((resolve) => setTimeout(resolve, 200));
JS
cat > deno.mjs <<'JS'
import { listen, outcome, pause } from "./server.mjs";

const { port, next } = await listen();
for (const name of ["TcpConn", "TlsConn"]) {
  const connection = next();
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  const { closed } = await connection;
  let conn = tcp;
  if (name === "TlsConn") {
    conn = await Deno.startTls(tcp, { hostname: "localhost" });
    conn.handshake().catch(() => {});
  }
  await pause();
  conn.close();
  console.log(`Deno, ${name}.close(): ${await outcome(closed)}`);
}
Deno.exit();
JS
cat > node.mjs <<'JS'
import { connect } from "node:tls";
import { listen, outcome, pause } from "./server.mjs";

const { port, next } = await listen();
const connection = next();
const socket = connect({ host: "127.0.0.1", port });
socket.on("error", () => {});
const { closed } = await connection;
await pause();
socket.destroy();
console.log(`Node, tlsSocket.destroy(): ${await outcome(closed)}`);
process.exit();
JS
{ "$deno" run -q --allow-net deno.mjs && node node.mjs; } | tee output
expected="Deno, TcpConn.close(): closed
Deno, TlsConn.close(): still open after 5 s
Node, tlsSocket.destroy(): closed"
if [ "$(cat output)" = "$expected" ]; then echo "as described"; else
  echo "changed: other results than in the head of this script"
  exit 1
fi
