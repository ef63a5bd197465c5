#!/usr/bin/env bash
# `deno task` cannot start `deno` in a folder where Deno was installed by npm.
#
# Expected: after `npm install deno` in a project, a task "deno run main.ts" runs there, as it does with a Deno that is
#   installed elsewhere.
# Seen: the shell of `deno task` finds `deno` in node_modules/.bin and executes it as JavaScript. It is the native
#   program, so the task ends with a SyntaxError about "ELF" and status 1. `npx deno` inside the task works.
# Version: deno 2.9.6 (npm package), npm 11.19.1, Linux.
# Output seen:
#   task "deno eval": status 1, error: Uncaught SyntaxError: Invalid or unexpected token
#   task "npx deno eval": status 0, started
#   without node_modules, task "deno eval": status 0, started
# Why it matters: on a Raspberry Pi with Node, npm is the shortest way to Deno. It has to be installed outside of the
#   camera server's folder.
set -euo pipefail

command -v npm > /dev/null || { echo "npm is not installed"; exit 2; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/installed" "$tmp/separate"
npm install --silent --no-audit --no-fund --prefix "$tmp/installed" deno@2.9.6
deno="$tmp/installed/node_modules/deno/deno"
export DENO_DIR="$tmp/cache" NO_COLOR=1
"$deno" --version | sed -n 1p
cat > "$tmp/installed/deno.json" <<'JSON'
{
  "tasks": {
    "plain": "deno eval 'console.log(\"started\")'",
    "npx": "npx deno eval 'console.log(\"started\")'"
  }
}
JSON
cp "$tmp/installed/deno.json" "$tmp/separate"

# Runs a task in a folder; sets `status` and `line`, the line of the output that tells the result.
run() { # FOLDER TASK
  status=0
  (cd "$tmp/$1" && PATH="$(dirname "$deno"):$PATH" timeout 25 "$deno" task "$2") > "$tmp/output" 2>&1 || status=$?
  line=$(grep -aE '^(started|error:)' "$tmp/output" | sed -n 1p)
}
run installed plain
echo "task \"deno eval\": status $status, $line"
result="$status $line;"
run installed npx
echo "task \"npx deno eval\": status $status, $line"
result+="$status $line;"
run separate plain
echo "without node_modules, task \"deno eval\": status $status, $line"
result+="$status $line;"

case "$result" in
  "1 error: Uncaught SyntaxError: "*";0 started;0 started;") echo "as described" ;;
  *)
    echo "changed: other results than in the head of this script"
    exit 1
    ;;
esac
