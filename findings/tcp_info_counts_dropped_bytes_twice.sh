#!/usr/bin/env bash
# Linux counts bytes as sent that its own queue has dropped, and counts them again when they are sent: the counters of
# TCP_INFO do not add up to what a program has written.
#
# Expected: tcpi_bytes_sent - tcpi_bytes_retrans + tcpi_notsent_bytes is the number of bytes that were written to the
#   socket: data sent, without what was sent again, and data not sent yet.
# Seen: where the queue (qdisc) of the sender's own interface drops a packet, the packet stays "not sent" and is sent
#   later as new data, not as a retransmission; it counts as sent each time. The sum is too large, for ever.
#   tcpi_bytes_acked + SIOCOUTQ is exact.
# Versions: Linux 4.19 and later have the counters; seen on 6.x with tbf.
# Output seen (the surplus varies):
#   without a limit: written 4000000, counted 4000000, acknowledged and queued 4000000
#   with a slow queue: written 4000000, counted 4001448 or more, acknowledged and queued 4000000
# Why it matters: a program that decides by these counters whether all of its data have left waits for ever on a machine
#   with a slow or shaped uplink, and never in tests over a fast interface or through a slow proxy.
set -euo pipefail

for program in unshare ip tc python3; do
  command -v "$program" > /dev/null || { echo "$program is not installed"; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "needs root for a network namespace"; exit 2; }
uname -sr
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat > "$tmp/count.py" <<'PY'
import fcntl, socket, struct, sys, threading, time
SIZE = 4_000_000
listener = socket.create_server(("127.0.0.1", 0))
sender = socket.create_connection(listener.getsockname())
receiver, _ = listener.accept()
def receive():
    while receiver.recv(65536):
        pass
threading.Thread(target=receive, daemon=True).start()
sender.sendall(bytes(SIZE))
deadline = time.time() + 30
while True:
    info = sender.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 216)
    acked, = struct.unpack_from("<Q", info, 120)
    unsent, = struct.unpack_from("<I", info, 144)
    sent, retransmitted = struct.unpack_from("<QQ", info, 200)
    queued, = struct.unpack("i", fcntl.ioctl(sender, 0x5411, bytes(4)))
    if queued == 0 or time.time() > deadline:
        break
    time.sleep(0.1)
# some kernels count the SYN as an acknowledged byte
exact = acked + queued - (1 if (acked + queued) % 10 == 1 else 0)
print(f"written {SIZE}, counted {sent - retransmitted + unsent}, acknowledged and queued {exact}")
PY
measure() { # command that sets up the queue of the interface
  timeout 60 unshare --net sh -c "ip link set lo up && ip link set lo mtu 1500 && $1 && exec python3 '$tmp/count.py'"
}
fast=$(measure true)
slow=$(measure "tc qdisc replace dev lo root tbf rate 8mbit burst 16kb limit 20kb")
echo "without a limit: $fast"
echo "with a slow queue: $slow"

if [ "$fast" = "written 4000000, counted 4000000, acknowledged and queued 4000000" ] &&
  [[ "$slow" == "written 4000000, counted "*", acknowledged and queued 4000000" ]] &&
  [ "$(sed 's/.*counted \([0-9]*\).*/\1/' <<< "$slow")" -gt 4000000 ]; then
  echo "as described"
else
  echo "NOT as described"
  exit 1
fi
