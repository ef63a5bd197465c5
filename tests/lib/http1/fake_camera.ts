import { request, type RequestOptions } from "../../../lib/http1/mod.ts";

/**
 * Text to send, with one byte per character, or a function that returns the text or sends bytes
 * itself.
 */
export type Answer = string | ((request: string, conn: Deno.Conn) => string | Promise<void>);

/** Options of {@link FakeCamera}. */
export interface FakeCameraOptions {
  /** To serve https. */
  tls?: { cert: string; key: string };
  hostname?: "127.0.0.1" | "::1";
}

/** A server that sends exact bytes: one response per connection, which it then closes. */
export class FakeCamera implements AsyncDisposable {
  /** The heads of the requests, in the order of arrival. */
  readonly requests: string[] = [];
  readonly #listener: Deno.TcpListener | Deno.TlsListener;
  readonly #origin: string;
  readonly #answers: readonly Answer[];
  readonly #conns = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;

  /** @param answers Responses to the connections, in order; the last one is repeated. */
  constructor(
    answers: Answer | readonly Answer[],
    { tls, hostname = "127.0.0.1" }: FakeCameraOptions = {},
  ) {
    const address = { hostname, port: 0 };
    this.#listener = tls ? Deno.listenTls({ ...address, ...tls }) : Deno.listen(address);
    this.#origin = `${tls ? "https" : "http"}://${
      hostname.replace(/.*:.*/, "[$&]")
    }:${this.#listener.addr.port}`;
    this.#answers = [answers].flat();
    this.#serving = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** The URL of a path of this server. */
  url(path = "/"): URL {
    return new URL(path, this.#origin);
  }

  async #serve(): Promise<void> {
    const pending: Promise<void>[] = [];
    try {
      for (;;) pending.push(this.#respond(await this.#listener.accept()));
    } catch {
      // The listener is closed.
    }
    await Promise.all(pending);
  }

  async #respond(conn: Deno.Conn): Promise<void> {
    this.#conns.add(conn);
    try {
      const head = await readHead(conn);
      if (!head) return;
      const index = Math.min(this.requests.push(head), this.#answers.length) - 1;
      const answer = this.#answers[index]!;
      const result = typeof answer === "function" ? answer(head, conn) : answer;
      if (typeof result === "string") await send(conn, result);
      else await result;
    } catch {
      // The client has closed the connection, or the test has ended.
    } finally {
      this.#conns.delete(conn);
      close(conn);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#conns.forEach(close);
    await this.#serving;
  }
}

async function readHead(conn: Deno.Conn): Promise<string> {
  let head = "";
  const buffer = new Uint8Array(4096);
  while (!head.includes("\r\n\r\n")) {
    const count = await conn.read(buffer);
    if (count === null) return "";
    head += latin1(buffer.subarray(0, count));
  }
  return head;
}

/** Sends bytes in pieces of `size`, each in a separate packet. */
export async function send(conn: Deno.Conn, text: string, size = Infinity): Promise<void> {
  const bytes = toBytes(text);
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at, at + size));
}

/** Sends nothing until the client closes the connection. */
export async function untilClosed(conn: Deno.Conn): Promise<void> {
  while (await conn.read(new Uint8Array(100)) !== null);
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}

/** Encodes a text with one byte per character. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Decodes bytes to one character each. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Requests a URL, and reads the whole body. */
export async function get(url: URL, options: Partial<RequestOptions> = {}) {
  const response = await request({ url, signal: new AbortController().signal, ...options });
  let text = "";
  for await (const bytes of response.body) text += latin1(bytes);
  return { ...response, text, truncated: response.body.truncated };
}

/** Whether this machine has IPv6. */
export function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}
