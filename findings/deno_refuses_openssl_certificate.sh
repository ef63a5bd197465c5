#!/usr/bin/env bash
# Deno rejects the self-signed certificate that `openssl req -x509` creates, although it is configured as trusted.
#
# Expected: a client that is given a server's self-signed certificate as its only trusted one accepts that server.
#   curl --cacert and Node's `ca` do.
# Seen: Deno.connectTls with `caCerts` rejects it: CaUsedAsEndEntity. `openssl req -x509` sets CA:TRUE by default, and
#   rustls accepts no such certificate from a server. The same Deno accepts it through node:https with `ca`. With
#   CA:FALSE, all accept it.
# Versions: deno 2.9.6 (npm package), OpenSSL 3.0.22, curl 7.88.1 (Debian 12).
# Output seen:
#   CA:TRUE: curl accepts, Deno.connectTls refuses (CaUsedAsEndEntity), node:https in Deno accepts
#   CA:FALSE: curl accepts, Deno.connectTls accepts, node:https in Deno accepts
# Why it matters: many IP cameras have self-signed certificates. If one was made with this command, trusting just this
#   certificate is impossible with Deno's own client.
set -euo pipefail

for program in npm openssl curl; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --prefix "$tmp" deno@2.9.6
deno="$tmp/node_modules/.bin/deno"
export DENO_DIR="$tmp/cache" NO_COLOR=1
"$deno" --version | sed -n 1p
openssl version
curl --version | sed -n 1p

mkdir "$tmp/files"
cd "$tmp/files"
make_certificate() { # NAME [OPTION ...]
  local name=$1
  shift
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$name.key" -out "$name.pem" -days 2 -subj /CN=localhost \
    -addext "subjectAltName=DNS:localhost" "$@" 2> openssl.log
}
make_certificate TRUE
make_certificate FALSE -addext "basicConstraints=critical,CA:FALSE"

cat > observe.ts <<'TS'
import https from "node:https";

let changed = false;
for (const ca of ["TRUE", "FALSE"]) {
  const cert = Deno.readTextFileSync(`${ca}.pem`);
  const key = Deno.readTextFileSync(`${ca}.key`);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    () => new Response("picture"),
  );
  const { port } = server.addr;

  const { code } = await new Deno.Command("curl", {
    args: ["-s", "--max-time", "10", "--cacert", `${ca}.pem`, `https://localhost:${port}/`],
    stdout: "null",
  }).output();
  const curl = code === 0 ? "accepts" : `refuses (${code})`;

  let native = "accepts";
  try {
    using connection = await Deno.connectTls({ hostname: "localhost", port, caCerts: [cert] });
    await connection.handshake();
  } catch (error) {
    native = `refuses (${/CaUsedAsEndEntity/.exec(String(error))?.[0] ?? error})`;
  }

  const compatible = await new Promise<string>((resolve) => {
    https.get({ host: "localhost", port, ca: cert, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve("accepts"));
    }).on("error", (error) => resolve(`refuses (${error.message})`));
  });

  console.log(`CA:${ca}: curl ${curl}, Deno.connectTls ${native}, node:https in Deno ${compatible}`);
  const expected = ca === "TRUE" ? "refuses (CaUsedAsEndEntity)" : "accepts";
  if (curl !== "accepts" || native !== expected || compatible !== "accepts") changed = true;
  await server.shutdown();
}
console.log(changed ? "changed: other results than in the head of this script" : "as described");
Deno.exit(changed ? 1 : 0);
TS
timeout 40 "$deno" run --quiet --no-check --allow-all observe.ts
