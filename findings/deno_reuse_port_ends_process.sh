#!/usr/bin/env bash
# Deno.serve({ reusePort: true }) ends the process, without an exception, unless there is the flag --unstable-net.
#
# Expected: an option that the stable types of Deno.serve have works without a flag, or throws an error that names it.
# Seen: one line on standard error, exit code 70. No exception is thrown and no "unload" event is dispatched, so a
#   program can neither fall back to one server on the port nor clean up. `deno check` accepts the program.
# Version: Deno 2.9.6.
# Output seen:
#   type check: exit code 0
#   Unstable API 'Deno.listen({ reusePort: true })'. The `--unstable-net` flag must be provided.
#   without the flag: exit code 70
#   listening
#   unload
#   with --unstable-net: exit code 0
# Why it matters: several processes on one port are the way to more than one core. Set "unstable": ["net"] in
#   deno.json, which also holds for `deno compile`, and check `"listenDatagram" in Deno` before the call.
set -euo pipefail

command -v npm > /dev/null || { echo "npm is not installed"; exit 2; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-fund --no-audit deno@2.9.6
export NO_COLOR=1
npx deno --version | sed -n 1p

cat > serve.ts <<'TS'
addEventListener("unload", () => console.log("unload"));
try {
  Deno.serve({ hostname: "127.0.0.1", port: 0, reusePort: true, onListen() {} }, () => new Response());
  console.log("listening");
} catch (error) {
  console.log(`caught ${error}`);
}
Deno.exit(0);
TS
changed=0
check() { # expected exit code, what it is, command
  local code=0 expected=$1 what=$2
  shift 2
  "$@" 2>&1 || code=$?
  echo "$what: exit code $code"
  [ "$code" = "$expected" ] || changed=1
}
check 0 "type check" npx deno check -q serve.ts
check 70 "without the flag" npx deno run --allow-net serve.ts
check 0 "with --unstable-net" npx deno run --allow-net --unstable-net serve.ts
if [ "$changed" = 0 ]; then echo "as described"; else echo "changed: other exit codes than in the head of this script"; fi
exit "$changed"
