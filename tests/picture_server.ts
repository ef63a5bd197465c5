import { systemClock as clock } from "../lib/clock.ts";
import type { Jpeg } from "../lib/frame.ts";

/** A camera for the driver `mjpeg`, whose pictures a test chooses. */
export class PictureServer implements AsyncDisposable {
  /** What each path sends, over and over. */
  readonly pictures = new Map<string, readonly Jpeg[]>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #interval: number;
  readonly #closing = new AbortController();

  /** @param fps Pictures per second. */
  constructor({ fps = 10 } = {}) {
    this.#interval = 1000 / fps;
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = Deno.serve(options, ({ url }) => this.#respond(new URL(url).pathname.slice(1)));
  }

  /** Returns the address of a path. */
  url(path: string): string {
    return `http://127.0.0.1:${this.#server.addr.port}/${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#server.shutdown();
  }

  #respond(path: string): Response {
    const headers = { "Content-Type": "multipart/x-mixed-replace; boundary=frame" };
    return new Response(ReadableStream.from(this.#parts(path)), { headers });
  }

  async *#parts(path: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let i = 0;; i++) {
      const pictures = this.pictures.get(path);
      if (!pictures) return;
      const jpeg = pictures[i % pictures.length]!;
      const head = `--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\n\r\n`;
      yield new TextEncoder().encode(head);
      yield jpeg.slice(); // Deno detaches the buffers that it sends
      yield new TextEncoder().encode("\r\n");
      try {
        await clock.sleep(this.#interval, this.#closing.signal);
      } catch {
        return; // disposed
      }
    }
  }
}
