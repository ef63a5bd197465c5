import { HUB_PORT } from "./systems.ts";
import type { TestHost } from "./network.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A client of the hub that publishes whatever it likes. */
export class RawNats implements Disposable {
  readonly #connection: Deno.TcpConn;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Connects from a host. */
  static async open(host: TestHost): Promise<RawNats> {
    const client = new RawNats(await host.connect(HUB_PORT, host.hubAddress));
    await client.#write(encoder.encode('CONNECT {"verbose":false,"pedantic":false}\r\n'));
    await client.flush();
    return client;
  }

  /** Sends a message. */
  async publish(subject: string, data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const head = encoder.encode(`PUB ${subject} ${bytes.length}\r\n`);
    const message = new Uint8Array(head.length + bytes.length + 2);
    message.set(head);
    message.set(bytes, head.length);
    message.set(encoder.encode("\r\n"), head.length + bytes.length);
    await this.#write(message);
  }

  /** Waits until the hub has received everything. */
  async flush(): Promise<void> {
    await this.#write(encoder.encode("PING\r\n"));
    const buffer = new Uint8Array(65_536);
    for (let text = ""; !text.includes("PONG\r\n");) {
      const count = await this.#connection.read(buffer);
      if (count === null) throw new Error(`The hub has ended the connection: ${text}`);
      text += decoder.decode(buffer.subarray(0, count));
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }
}
