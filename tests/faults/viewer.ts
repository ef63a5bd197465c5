const text = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** A viewer that uses the TCP connection directly, so that it can violate the protocol. */
export class RawViewer implements Disposable {
  /** Number of complete frames received. */
  frames = 0;
  /** Age of each frame when it arrived, in milliseconds. */
  readonly ages: number[] = [];
  /** Number of skipped frames, by the sequence numbers of the stand-in camera. */
  skipped = 0;
  /** The response up to the first frame. */
  head = "";

  readonly #connection: Deno.TcpConn;
  readonly #buffer = new Uint8Array(262_144);
  /** The header of the current part, as far as received. */
  #partHead = "";
  /** Number of bytes of the current image that are still to come. */
  #remaining = 0;
  /** The first bytes of the current image: the stand-in writes a sequence number there. */
  #start = "";
  #last: number | undefined;
  #closed = false;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Connects and sends a request, which may be incomplete. */
  static async open(server: string, request: string): Promise<RawViewer> {
    const { hostname, port } = new URL(server);
    const viewer = new RawViewer(await Deno.connect({ hostname, port: Number(port) }));
    await viewer.send(request);
    return viewer;
  }

  /** Connects and requests a stream. */
  static watch(server: string, path = "/video_feed"): Promise<RawViewer> {
    return RawViewer.open(server, get(path));
  }

  /** Sends text as UTF-8. */
  async send(bytes: string): Promise<void> {
    await this.#connection.write(text.encode(bytes));
  }

  /** Reads once. @returns False if the connection has ended. */
  async read(): Promise<boolean> {
    try {
      const size = await this.#connection.read(this.#buffer);
      if (size === null) return false;
      this.#parse(this.#buffer.subarray(0, size));
      return true;
    } catch {
      return false; // reset, or closed by this viewer
    }
  }

  /** Reads until `enough` returns true. @returns False if the connection ended before. */
  async readUntil(enough: () => boolean): Promise<boolean> {
    while (!enough()) if (!await this.read()) return false;
    return true;
  }

  /** Closes the sending half of the connection. */
  halfClose(): Promise<void> {
    return this.#connection.closeWrite();
  }

  /**
   * Closes the connection. With unread bytes the kernel sends a reset, without them a regular end.
   */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  /** Parses received bytes. Decodes only the headers and the first bytes of each image. */
  #parse(bytes: Uint8Array): void {
    if (this.frames === 0 && this.head.length < 2_000) this.head += latin1.decode(bytes);
    for (let at = 0; at < bytes.length;) {
      if (this.#remaining > 0) {
        const size = Math.min(this.#remaining, bytes.length - at);
        if (this.#start.length < 200) {
          this.#readNumber(bytes.subarray(at, at + Math.min(size, 200)));
        }
        this.#remaining -= size;
        at += size;
        continue;
      }
      const had = this.#partHead.length;
      this.#partHead += latin1.decode(bytes.subarray(at, at + 500));
      const end = this.#partHead.indexOf("\r\n\r\n");
      if (end === -1) {
        at += this.#partHead.length - had;
        continue;
      }
      at += end + 4 - had;
      this.#countPart(this.#partHead.slice(0, end));
      this.#partHead = "";
    }
  }

  /** Counts a part whose header is complete. The header of the response has no timestamp. */
  #countPart(head: string): void {
    const [, length, time] = /Content-Length: (\d+)\r\nX-Timestamp: ([\d.]+)$/.exec(head) ?? [];
    if (!length) return;
    this.frames++;
    this.ages.push(Date.now() - Number(time) * 1000);
    this.#remaining = Number(length);
    this.#start = "";
  }

  #readNumber(bytes: Uint8Array): void {
    const before = this.#start.includes("fake n=");
    this.#start += latin1.decode(bytes);
    const number = /fake n=(\d+) /.exec(this.#start)?.[1];
    if (!number || before && this.#last === Number(number)) return;
    if (this.#last !== undefined) this.skipped += Number(number) - this.#last - 1;
    this.#last = Number(number);
  }
}

/** Returns a minimal request. */
export function get(path: string, method = "GET"): string {
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
}

/** Runs `task` for 0 to `count` - 1, at most `limit` at a time. */
export async function inParallel(
  count: number,
  limit: number,
  task: (i: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}

/** Waits for a time in milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
