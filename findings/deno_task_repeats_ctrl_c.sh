#!/usr/bin/env bash
# `deno task` repeats Ctrl+C: its program receives SIGINT from the terminal and again from `deno task`.
#
# Expected: a terminal sends SIGINT to every process of the foreground group. So the program that `deno task` has
#   started receives it once for each Ctrl+C, and the runner needs not forward it.
# Seen: `deno task` forwards the SIGINT that it has received itself, once or twice. Unless two signals arrive so close
#   together that the kernel merges them, the program receives two or three for one Ctrl+C.
# Version: deno 2.9.6 (npm package).
# Output seen:
#   5 times Ctrl+C, without a runner: 5 from the terminal, 0 from other processes
#   5 times Ctrl+C, under deno task: 5 from the terminal, 10 from other processes (in another run 4)
# Why it matters: a server that releases its camera at the first Ctrl+C and exits at once at the second, as is usual,
#   has no time to release it.
set -euo pipefail

for program in npm python3; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --prefix "$tmp" deno@2.9.6
deno="$tmp/node_modules/.bin/deno"
export DENO_DIR="$tmp/cache" NO_COLOR=1
"$deno" --version | sed -n 1p

mkdir "$tmp/project"
cd "$tmp/project"
echo '{ "tasks": { "start": "python3 program.py" } }' > deno.json

# Receives SIGINT for 4 seconds and prints how many signals the terminal and other processes have sent.
cat > program.py <<'PY'
import signal, time

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
print("ready", flush=True)
end = time.monotonic() + 4
terminal = processes = 0
while (remaining := end - time.monotonic()) > 0:
    received = signal.sigtimedwait([signal.SIGINT], remaining)
    if received is not None and received.si_pid == 0:
        terminal += 1
    elif received is not None:
        processes += 1
print(f"received={terminal}/{processes}", flush=True)
PY

# Runs a command in a terminal and types Ctrl+C five times when it prints "ready".
cat > terminal.py <<'PY'
import os, pty, sys, time

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
output, typed = b"", False
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    output += data
    if b"ready" in output and not typed:
        typed = True
        for _ in range(5):
            time.sleep(0.4)
            os.write(terminal, b"\x03")
os.waitpid(pid, 0)
print(output.decode())
PY
received() { timeout 25 python3 terminal.py "$@" | sed -n 's/.*received=\([0-9/]*\).*/\1/p'; }
alone=$(received python3 program.py)
task=$(received "$deno" task start)
echo "5 times Ctrl+C, without a runner: ${alone%/*} from the terminal, ${alone#*/} from other processes"
echo "5 times Ctrl+C, under deno task: ${task%/*} from the terminal, ${task#*/} from other processes"

if [ "$alone" = 5/0 ] && [ "${task%/*}" = 5 ] && [ "${task#*/}" -gt 0 ]; then
  echo "as described"
else
  echo "changed: expected 5/0 without a runner, and 5 and more than 0 under deno task"
  exit 1
fi
