/**
 * A long way: a TCP proxy that forwards each byte after a delay, in both directions. As a program:
 *
 *     deno run --allow-net tests/nats/delay_proxy.ts <port> <target host> <target port> <delay>
 *
 * It prints a line when it listens. The delay is that of one direction, in milliseconds: half the
 * round-trip time. Networks that delay packets (`tc netem`) are not in every kernel.
 *
 * @module
 */

/** Maximum number of bytes on their way in one direction; then it reads no more. */
const CAPACITY = 8_000_000;
const CHUNK_SIZE = 65_536;

/** Bytes on their way, and when they arrive, by the monotonic clock. */
interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly at: number;
}

/** Forwards bytes from `from` to `to`, until `from` ends, each of them `delay` ms later. */
export async function forwardDelayed(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  delay: number,
): Promise<void> {
  const chunks: Chunk[] = [];
  let size = 0;
  let ended = false;
  let wake = () => {};
  const changed = () => new Promise<void>((resolve) => wake = resolve);
  const reading = (async () => {
    try {
      while (true) {
        const buffer = new Uint8Array(CHUNK_SIZE);
        const count = await from.read(buffer);
        if (count === null) break;
        chunks.push({ bytes: buffer.subarray(0, count), at: performance.now() + delay });
        size += count;
        wake();
        while (size > CAPACITY) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    } catch {
      // reset by the peer, or closed below
    }
    ended = true;
    wake();
  })();
  try {
    while (true) {
      const chunk = chunks.shift();
      if (!chunk) {
        if (ended) break;
        await changed();
        continue;
      }
      const wait = chunk.at - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      for (let at = 0; at < chunk.bytes.length;) at += await to.write(chunk.bytes.subarray(at));
      size -= chunk.bytes.length;
    }
    await to.closeWrite();
  } catch {
    size = 0; // `to` is closed: what is on its way is lost
    close(from);
  }
  await reading;
}

async function serve(client: Deno.TcpConn, target: Deno.ConnectOptions, delay: number) {
  try {
    const server = await Deno.connect(target);
    for (const connection of [client, server]) connection.setNoDelay();
    await Promise.all([
      forwardDelayed(client, server, delay),
      forwardDelayed(server, client, delay),
    ]);
    close(server);
  } catch {
    // The target cannot be reached: the client is told by the end of its connection.
  }
  close(client);
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // closed already
  }
}

if (import.meta.main) {
  const [port, hostname, targetPort, delay] = Deno.args;
  const listener = Deno.listen({ hostname: "0.0.0.0", port: Number(port) });
  console.log("listening");
  for await (const client of listener) {
    serve(client, { hostname: hostname!, port: Number(targetPort) }, Number(delay));
  }
}
