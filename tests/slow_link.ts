/** Maximum number of bytes forwarded at once. */
const CHUNK_SIZE = 4_096;

/** A TCP proxy in front of a server that limits what each connection receives per second. */
export class SlowLink implements AsyncDisposable {
  /** The proxy's address, to use in place of the server's. */
  readonly url: string;
  /** What each connection may receive, in bytes per second. */
  rate: number;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: Deno.ConnectOptions;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #running: Promise<unknown>[] = [];

  /** @param serverUrl The server that the proxy forwards to. */
  constructor(serverUrl: string, bytesPerSecond: number) {
    const { hostname, port } = new URL(serverUrl);
    this.#target = { hostname, port: Number(port) };
    this.rate = bytesPerSecond;
    this.url = `http://127.0.0.1:${this.#listener.addr.port}`;
    this.#running.push(this.#accept());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) close(connection);
    await Promise.all(this.#running);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      this.#running.push(this.#serve(client).catch(() => {})); // either side may have disconnected
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const server = await Deno.connect(this.#target);
    for (const connection of [client, server]) {
      this.#open.add(connection);
      connection.setNoDelay();
    }
    await Promise.all([
      forward(client, server, () => Infinity),
      forward(server, client, () => this.rate),
    ]).catch(() => {}); // either side may have disconnected
    for (const connection of [client, server]) {
      this.#open.delete(connection);
      close(connection);
    }
  }
}

/**
 * Forwards bytes until `from` ends, at most `rate()` of them per second. Reads no faster than that,
 * so that the limit slows the sender down.
 */
async function forward(from: Deno.Conn, to: Deno.Conn, rate: () => number): Promise<void> {
  try {
    const bytes = new Uint8Array(CHUNK_SIZE);
    for (let idleAt = performance.now();;) {
      const read = await from.read(bytes);
      if (read === null) break;
      // Up to 20 ms of unused time may be caught up, as timers fire late.
      idleAt = Math.max(idleAt, performance.now() - 20) + 1000 * read / rate();
      const wait = idleAt - performance.now();
      if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
      for (let sent = 0; sent < read;) sent += await to.write(bytes.subarray(sent, read));
    }
  } finally {
    close(from);
    close(to);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // closed already
  }
}
