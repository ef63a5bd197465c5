#!/usr/bin/env bash
# 32 calls of C functions that wait keep Deno from reading any file.
#
# Expected: a function of a library that is declared `nonblocking: true` waits in a thread of its own or of a large pool
#   (the Rust runtime that Deno uses has 512 such threads unless told otherwise), so that dozens can wait.
# Seen: Deno has 32 threads for them and for all other blocking work, such as access to files and the lookup of names. The
#   33rd call, and Deno.readTextFile(), begin when one of the 32 calls returns.
# Versions: Deno 2.9.6.
# Output seen (times in ms, rounded to half seconds):
#   while 31 functions sleep for 1 s: read a file after 0
#   while 32 functions sleep for 1 s: read a file after 1000
# Why it matters: a server that waits for each of its cameras, devices or sockets in such a call stops working when there
#   are 32 of them, without an error and with idle processors.
set -euo pipefail

command -v npm > /dev/null || { echo "npm is not installed"; exit 2; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm init -y > /dev/null
npm install --silent deno@2.9.6
deno="$tmp/node_modules/.bin/deno"
"$deno" --version | sed -n 1p

library=
for path in /lib/x86_64-linux-gnu/libc.so.6 /lib/aarch64-linux-gnu/libc.so.6 /lib64/libc.so.6; do
  [ -e "$path" ] && { library=$path; break; }
done
[ -n "$library" ] || { echo "the C library was not found"; exit 2; }

cat > wait.ts <<'TS'
const [path, count] = [Deno.args[0], Number(Deno.args[1])];
const { symbols } = Deno.dlopen(path, {
  usleep: { parameters: ["u32"], result: "i32", nonblocking: true },
});
const calls = Array.from({ length: count }, () => symbols.usleep(990_000));
await new Promise((resolve) => setTimeout(resolve, 50)); // all have begun
const started = performance.now();
await Deno.readTextFile("package.json");
console.log(Math.round((performance.now() - started) / 500) * 500);
await Promise.all(calls);
TS
few=$(timeout 60 "$deno" run -A wait.ts "$library" 31)
many=$(timeout 60 "$deno" run -A wait.ts "$library" 32)
echo "while 31 functions sleep for 1 s: read a file after $few"
echo "while 32 functions sleep for 1 s: read a file after $many"

if [ "$few" = 0 ] && [ "$many" -ge 500 ]; then
  echo "as described"
else
  echo "NOT as described"
  exit 1
fi
