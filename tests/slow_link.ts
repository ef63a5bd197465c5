/** How much goes through at once, in bytes. */
const PIECE = 4_096;

/** A link to a server that lets through so many bytes a second, to each connection. */
export class SlowLink implements AsyncDisposable {
  /** Where it listens: stands in for the server's address. */
  readonly url: string;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: Deno.ConnectOptions;
  readonly #rate: number;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #running: Promise<unknown>[] = [];

  /** @param server Its address. */
  constructor(server: string, bytesPerSecond: number) {
    const { hostname, port } = new URL(server);
    this.#target = { hostname, port: Number(port) };
    this.#rate = bytesPerSecond;
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
      this.#running.push(this.#serve(client).catch(() => {})); // either side may be gone
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const server = await Deno.connect(this.#target);
    for (const connection of [client, server]) {
      this.#open.add(connection);
      connection.setNoDelay();
    }
    await Promise.all([
      pass(client, server, Infinity),
      pass(server, client, this.#rate),
    ]).catch(() => {}); // as above
    for (const connection of [client, server]) {
      this.#open.delete(connection);
      close(connection);
    }
  }
}

/** Hands on what comes, at most so many bytes a second. It reads no sooner than it can hand on. */
async function pass(from: Deno.Conn, to: Deno.Conn, rate: number): Promise<void> {
  try {
    const bytes = new Uint8Array(PIECE);
    for (let free = performance.now();;) {
      const read = await from.read(bytes);
      if (read === null) break;
      free = Math.max(free, performance.now() - 20) + 1000 * read / rate;
      const wait = free - performance.now();
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
    // it is closed already
  }
}
