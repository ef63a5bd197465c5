#!/usr/bin/env bash
# A subscription for one message through a NATS leaf node: the hub sends more than one over the link to the leaf node.
#
# Expected: UNSUB <id> 1 lets the server end a subscription after one message. A leaf node sits before a slow link to
#   save traffic on it, so the limit holds for the link, too.
# Seen: the leaf node counts, and the hub does not know the limit. It sends every message over the link until the end
#   of the subscription has travelled from the leaf node to the hub. The leaf node discards the surplus. A client that
#   is connected to the hub through the same link gets exactly one.
# Version: nats-server 2.9.10 (Debian 12). The link delays everything by 0.25 s in each direction.
# Output seen (a message every 50 ms, a subscription for one message):
#   client of the hub: received 1, on the link 1
#   client of a leaf node: received 1, on the link 10
# Why it matters: who subscribes for one camera frame at a time, so that frames do not queue on a slow link, gets a
#   full link when a leaf node is at its end. Connect such clients to the hub.
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
import asyncio, subprocess, sys, socket

DELAY, INTERVAL = 0.25, 0.05
CONNECT = b'CONNECT {"verbose":false,"pedantic":false}\r\n'


def free_ports(number):
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Link:
    """A port that leads to another one, with a delay; it counts the messages towards the client."""

    def __init__(self, target):
        self.target, self.messages = target, 0

    async def open(self):
        self.server = await asyncio.start_server(self.connect, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def connect(self, reader, writer):
        hub_reader, hub_writer = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            await asyncio.gather(self.copy(reader, hub_writer), self.copy(hub_reader, writer, True))
        except asyncio.CancelledError:
            pass  # the end of the program

    async def copy(self, reader, writer, counts=False):
        loop = asyncio.get_running_loop()
        while data := await reader.read(65536):
            if counts:
                self.messages += data.count(b"MSG frames")  # MSG to a client, LMSG to a leaf node
            loop.call_later(DELAY, writer.write, data)


async def client(port):
    for _ in range(100):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        except OSError:
            await asyncio.sleep(0.05)
    writer.write(CONNECT + b"PING\r\n")
    while await reader.readline() != b"PONG\r\n":
        pass
    return reader, writer


async def observe(port, link, publisher):
    """Subscribes for one message while messages are published, and returns the numbers of messages."""
    reader, writer = await client(port)
    writer.write(b"SUB frames 1\r\nUNSUB 1 1\r\n")
    for _ in range(40):
        publisher.write(b"PUB frames 5\r\nimage\r\n")
        await asyncio.sleep(INTERVAL)
    writer.write(b"PING\r\n")
    received = 0
    while (line := await reader.readline()) != b"PONG\r\n":
        received += line.startswith(b"MSG")
    writer.close()
    return received, link.messages


async def main():
    hub_port, leaf_port, hub_leafs = free_ports(3)
    to_hub, to_leafs = Link(hub_port), Link(hub_leafs)
    client_link, leaf_link = await to_hub.open(), await to_leafs.open()
    with open("hub.conf", "w") as file:
        file.write(f"listen: 127.0.0.1:{hub_port}\nleafnodes {{ listen: 127.0.0.1:{hub_leafs} }}\n")
    with open("leaf.conf", "w") as file:
        file.write(f"listen: 127.0.0.1:{leaf_port}\n")
        file.write(f'leafnodes {{ remotes: [{{ url: "nats://127.0.0.1:{leaf_link}" }}] }}\n')
    servers = []
    try:
        for name, port in [("hub", hub_port), ("leaf", leaf_port)]:
            command = ["nats-server", "-c", f"{name}.conf"]
            servers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            (await client(port))[1].close()
        await asyncio.sleep(3)  # the leaf node connects to the hub
        _, publisher = await client(hub_port)
        return await observe(client_link, to_hub, publisher), await observe(leaf_port, to_leafs, publisher)
    finally:
        for server in servers:
            server.terminate()
            server.wait()


direct, leaf = asyncio.run(asyncio.wait_for(main(), 30))
print("client of the hub: received %d, on the link %d" % direct)
print("client of a leaf node: received %d, on the link %d" % leaf)
as_described = direct == (1, 1) and leaf[0] == 1 and leaf[1] > 4
print("as described" if as_described else "changed: other numbers than in the head of this script")
sys.exit(not as_described)
PY
timeout 60 python3 observe.py
