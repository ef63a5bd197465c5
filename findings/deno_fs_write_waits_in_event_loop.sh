#!/usr/bin/env bash
# Deno's asynchronous fs.write and fs.writev (node:fs) wait for a slow file in the event loop: timers stand still.
#
# Expected: the variants of node:fs with a callback, and those that return promises, leave the event loop free while the
#   kernel takes the bytes, as in Node. Only fs.writeSync and fs.writevSync wait in it.
# Seen: in Deno, a timer of 10 ms does not fire for a second while fs.write or fs.writev writes to a full pipe whose
#   reader begins after a second. Deno's own FsFile.write leaves the event loop free, and so does Node with the same calls.
# Version: Deno 2.9.6, Node 20.20.
# Output seen:
#   node fs.write: timers late by less than 300 ms
#   node fs.writev: timers late by less than 300 ms
#   deno fs.write: timers late by about 1 s
#   deno fs.writev: timers late by about 1 s
#   deno Deno.FsFile.write: timers late by less than 300 ms
# Why it matters: a server that records to a disk that stalls (SD card, network share) stalls with it, for all its
#   clients, although each of its writes is asynchronous. Write by Deno.FsFile.
set -euo pipefail

for program in node npm mkfifo; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-fund --no-audit deno@2.9.6
export NO_COLOR=1
npx deno --version | sed -n 1p
echo "Node $(node --version)"

cat > late.mjs <<'JS'
import { write, writev, openSync, closeSync } from "node:fs";
import { Buffer } from "node:buffer";
import process from "node:process";

const [way, path] = process.argv.slice(2);
const bytes = Buffer.alloc(300_000); // a pipe takes 64 KB
const ways = {
  "fs.write": (done) => write(openFile(), bytes, done),
  "fs.writev": (done) => writev(openFile(), [bytes, bytes], done),
  "Deno.FsFile.write": async (done) => {
    const file = Deno.openSync(path, { read: true, write: true });
    await file.write(bytes);
    file.close();
    done();
  },
};
let descriptor;
const openFile = () => descriptor = openSync(path, "r+");
let last = performance.now(), late = 0;
const timer = setInterval(() => {
  late = Math.max(late, performance.now() - last - 10);
  last = performance.now();
}, 10);
setTimeout(() =>
  ways[way](() =>
    setTimeout(() => {
      clearInterval(timer);
      if (descriptor !== undefined) closeSync(descriptor);
      console.log(late > 700 ? "about 1 s" : late < 300 ? "less than 300 ms" : `${Math.round(late)} ms`);
    }, 50)
  ), 50);
JS

changed=0
check() { # name of the way, runtime, expected
  local pipe="$tmp/pipe" seen
  rm -f "$pipe"
  mkfifo "$pipe"
  (sleep 1.5 && timeout 5 cat "$pipe" > /dev/null) &
  case $2 in
    node) seen=$(timeout 20 node late.mjs "$1" "$pipe") ;;
    deno) seen=$(timeout 20 npx deno run -q -A late.mjs "$1" "$pipe") ;;
  esac
  wait
  echo "$2 $1: timers late by ${seen:-?}"
  [ "$seen" = "$3" ] || changed=1
}
check fs.write node "less than 300 ms"
check fs.writev node "less than 300 ms"
check fs.write deno "about 1 s"
check fs.writev deno "about 1 s"
check Deno.FsFile.write deno "less than 300 ms"
if [ "$changed" = 0 ]; then echo "as described"; else echo "changed: other delays than in the head of this script"; fi
exit "$changed"
