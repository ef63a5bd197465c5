#!/usr/bin/env bash
# One subscriber that reads nothing slows nats-server 2.9 for all: to a few messages per second, seconds old.
#
# Expected: the server queues messages for a slow subscriber and disconnects it when they exceed max_pending (64 MB),
#   or after write_deadline (10 s). Until then, publishers and other subscribers are not affected.
# Seen: when the queue of one subscriber exceeds about half of max_pending, the server delays each publisher with a message
#   for it, until it has disconnected the subscriber. All other subscribers get the delayed messages: at a low rate,
#   and late, because they wait in the publisher's connection.
# Version: nats-server 2.9.10 (Debian 12), default limits. Later versions have the option no_fast_producer_stall.
# Output seen (100 messages of 200 KB per second, from the 4th to the 9th second):
#   all subscribers read: 100 messages per second, at most 0.0 s old
#   one subscriber reads nothing: the other gets 5 messages per second, at most 5.4 s old
# Why it matters: one viewer behind a bad link freezes the picture of all others. Do not let messages queue in the
#   server: subscribe for a number of messages (UNSUB <id> <number>), and again when they have arrived.
set -euo pipefail

PATH="$PATH:/usr/sbin"
for program in nats-server python3; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
nats-server --version

cat > observe.py <<'PY'
import socket, struct, subprocess, sys, threading, time

SIZE, RATE, BEGIN, END = 200_000, 100, 3, 8  # bytes, messages per second, seconds


def connect(port, commands=b""):
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\n' + commands + b"PING\r\n")
    lines = client.makefile("rb")
    while lines.readline() != b"PONG\r\n":
        pass
    return client, lines


def publish(client, start):
    number = 0
    try:
        while (now := time.monotonic()) < start + END + 1:
            if now >= start + number / RATE:
                client.sendall(b"PUB frames %d\r\n%s\r\n" % (SIZE, struct.pack("d", now).ljust(SIZE, b"-")))
                number += 1
            else:
                time.sleep(0.001)
    except OSError:
        pass  # closed at the end


def observe(port, slow):
    """Returns the rate and the maximum age of the messages that a good subscriber receives."""
    idle = connect(port, b"SUB frames 1\r\n") if slow else None
    good, lines = connect(port, b"SUB frames 1\r\n")
    publisher, _ = connect(port)
    start = time.monotonic()
    thread = threading.Thread(target=publish, args=[publisher, start])
    thread.start()
    ages = []
    while time.monotonic() < start + END:
        if not lines.readline().startswith(b"MSG"):
            continue
        sent, now = struct.unpack("d", lines.read(SIZE + 2)[:8])[0], time.monotonic()
        if now > start + BEGIN:
            ages.append(now - sent)
    for client in [good, publisher] + ([idle[0]] if idle else []):
        client.shutdown(socket.SHUT_RDWR)
        client.close()
    thread.join()
    return len(ages) / (END - BEGIN), max(ages)


with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
command = ["nats-server", "-a", "127.0.0.1", "-p", str(port)]
server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.05)
    normal, slow = observe(port, False), observe(port, True)
finally:
    server.terminate()
    server.wait()
print("all subscribers read: %.0f messages per second, at most %.1f s old" % normal)
print("one subscriber reads nothing: the other gets %.0f messages per second, at most %.1f s old" % slow)
as_described = normal[0] > 80 and normal[1] < 0.5 and slow[0] < 30 and slow[1] > 2
print("as described" if as_described else "changed: other rates than in the head of this script")
sys.exit(not as_described)
PY
timeout 60 python3 observe.py
