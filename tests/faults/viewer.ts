const text = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** A viewer with nothing between it and the connection: it can behave as badly as one likes. */
export class RawViewer implements Disposable {
  /** Whole frames that came. */
  frames = 0;
  /** How old each of them was when it came, in milliseconds. */
  readonly ages: number[] = [];
  /** Frames of the stand-in that were skipped, by its own numbers. */
  skipped = 0;
  /** What came before the first frame. */
  head = "";

  readonly #connection: Deno.TcpConn;
  readonly #buffer = new Uint8Array(262_144);
  /** The head of a part, as far as it has come. */
  #partHead = "";
  /** How many bytes of the picture are still to come. */
  #left = 0;
  /** The picture's begin: the stand-in writes a number there. */
  #begin = "";
  #last: number | undefined;
  #closed = false;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Connects, and sends what `request` says: a whole request, or less. */
  static async open(server: string, request: string): Promise<RawViewer> {
    const { hostname, port } = new URL(server);
    const viewer = new RawViewer(await Deno.connect({ hostname, port: Number(port) }));
    await viewer.send(request);
    return viewer;
  }

  /** Connects and asks for a stream. */
  static watch(server: string, path = "/video_feed"): Promise<RawViewer> {
    return RawViewer.open(server, get(path));
  }

  async send(bytes: string): Promise<void> {
    await this.#connection.write(text.encode(bytes));
  }

  /** Reads once. @returns Whether the connection is still open. */
  async read(): Promise<boolean> {
    try {
      const size = await this.#connection.read(this.#buffer);
      if (size === null) return false;
      this.#take(this.#buffer.subarray(0, size));
      return true;
    } catch {
      return false; // reset, or closed by us
    }
  }

  /** Reads until `enough` holds. @returns Whether it did before the connection ended. */
  async readUntil(enough: () => boolean): Promise<boolean> {
    while (!enough()) if (!await this.read()) return false;
    return true;
  }

  /** Tells the server that no more will be sent. */
  halfClose(): Promise<void> {
    return this.#connection.closeWrite();
  }

  /** Closes: with what was not read yet the kernel sends a reset, without it a regular end. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  /** Looks at heads only: of pictures no more than the begin is decoded. */
  #take(bytes: Uint8Array): void {
    if (this.frames === 0 && this.head.length < 2_000) this.head += latin1.decode(bytes);
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const size = Math.min(this.#left, bytes.length - at);
        if (this.#begin.length < 200) this.#number(bytes.subarray(at, at + Math.min(size, 200)));
        this.#left -= size;
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
      this.#part(this.#partHead.slice(0, end));
      this.#partHead = "";
    }
  }

  /** A part's head is there; that of the whole answer has no time stamp. */
  #part(head: string): void {
    const [, length, time] = /Content-Length: (\d+)\r\nX-Timestamp: ([\d.]+)$/.exec(head) ?? [];
    if (!length) return;
    this.frames++;
    this.ages.push(Date.now() - Number(time) * 1000);
    this.#left = Number(length);
    this.#begin = "";
  }

  #number(begin: Uint8Array): void {
    const before = this.#begin.includes("fake n=");
    this.#begin += latin1.decode(begin);
    const number = /fake n=(\d+) /.exec(this.#begin)?.[1];
    if (!number || before && this.#last === Number(number)) return;
    if (this.#last !== undefined) this.skipped += Number(number) - this.#last - 1;
    this.#last = Number(number);
  }
}

/** A request as a browser sends it, or a part of one. */
export function get(path: string, method = "GET"): string {
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
}

/** Runs `task` for 0 to `count` - 1, `at` of them at a time. */
export async function inParallel(
  count: number,
  at: number,
  task: (i: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: at }, worker));
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
