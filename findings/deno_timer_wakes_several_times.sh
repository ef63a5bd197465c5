#!/usr/bin/env bash
# A timer of Deno wakes the process two to three times each time it fires.
#
# Expected: an interval of 500 ms wakes an idle process twice a second: its main thread sleeps until the timer is due. So it
#   is with Node.js.
# Seen: the main thread of Deno also wakes once or twice in between, and sleeps again. The longer the interval, the more
#   wakes per firing: 1.6 at 33 ms, 2.5 at 500 ms, 3.1 at 2.5 s. The likely reason: the Rust runtime (tokio) keeps its timers
#   in wheels of 64 ms, 4 s and so on, and wakes when a timer moves to a finer wheel.
# Versions: Deno 2.9.6, Node.js 20, Linux.
# Output seen (the numbers of wakes differ by a few):
#   deno: 40 wakes by timers of 500 ms expected in 20 s, 102 seen
#   node: 40 wakes by timers of 500 ms expected in 20 s, 41 seen
# Why it matters: on a machine that is mostly idle, a wake costs more than what the timer's function does, as the caches are
#   cold. In a server with a camera of 30 fps, a check twice a second caused 7 of the 37 wakes a second.
set -euo pipefail

command -v npm > /dev/null || { echo "npm is not installed"; exit 2; }
[ -r /proc/self/status ] || { echo "needs Linux"; exit 2; }
tmp=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2> /dev/null || true; rm -rf "$tmp"' EXIT
cd "$tmp"
npm init -y > /dev/null
npm install --silent deno@2.9.6
deno="$tmp/node_modules/deno/deno"
[ -x "$deno" ] || { deno=$(find "$tmp/node_modules" -type f -name deno -perm -u+x | head -n 1); }
"$deno" --version | sed -n 1p
echo "node $(node --version)"
echo 'setInterval(() => {}, 500);' > timer.js

# Voluntary context switches of the main thread: it went to sleep, and was woken.
count() { sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$1/status"; }

measure() {
  "$@" timer.js &
  pid=$!
  sleep 3
  local before after
  before=$(count "$pid")
  sleep 20
  after=$(count "$pid")
  kill "$pid"
  wait "$pid" 2> /dev/null || true
  pid=
  wakes=$((after - before))
}

measure "$deno" run -q --no-config
deno_wakes=$wakes
measure node
node_wakes=$wakes
echo "deno: 40 wakes by timers of 500 ms expected in 20 s, $deno_wakes seen"
echo "node: 40 wakes by timers of 500 ms expected in 20 s, $node_wakes seen"

if [ "$deno_wakes" -ge 70 ] && [ "$node_wakes" -le 55 ]; then
  echo "as described"
else
  echo "NOT as described"
  exit 1
fi
