import type { Bytes } from "../bytes.ts";
import { explain } from "../errors.ts";

/** Options of {@link clipBody}. */
export interface ClipBodyOptions {
  /** Aborts the response, so that the client sees that it is incomplete. */
  readonly signal: AbortSignal;
  /** The first chunk, if it has been read already. */
  readonly first?: IteratorResult<Bytes>;
  /** Called when the client has read everything, and waits for the next chunk. */
  onRead?(): void;
  /** Called when there is a chunk that the client has not read yet. */
  onSend?(): void;
  /** Called when the client has disconnected, before the chunks are closed. */
  onCancel?(): void;
  /** Called once, when nothing is read any more. @param failure Why the response is incomplete. */
  onEnd?(failure?: unknown): void;
}

/**
 * Converts chunks to the body of a response. One chunk is read ahead. If reading fails, the body
 * fails, so the connection is closed before the end and the client can tell that the clip is
 * incomplete.
 */
export function clipBody(chunks: AsyncGenerator<Bytes>, options: ClipBodyOptions) {
  return new ReadableStream(new ClipBody(chunks, options), { highWaterMark: 0 });
}

class ClipBody implements UnderlyingDefaultSource<Bytes> {
  readonly #chunks: AsyncGenerator<Bytes>;
  readonly #options: ClipBodyOptions;
  #abort = () => {};
  /** The next chunk. */
  #ahead: Promise<IteratorResult<Bytes>> | undefined;
  #hasEnded = false;

  constructor(chunks: AsyncGenerator<Bytes>, options: ClipBodyOptions) {
    this.#chunks = chunks;
    this.#options = options;
    this.#ahead = options.first && Promise.resolve(options.first);
  }

  start(controller: ReadableStreamDefaultController<Bytes>): void {
    const { signal } = this.#options;
    this.#abort = () => {
      controller.error(asOneLine(signal.reason));
      void this.cancel();
    };
    if (signal.aborted) this.#abort();
    else signal.addEventListener("abort", this.#abort, { once: true });
  }

  async pull(controller: ReadableStreamDefaultController<Bytes>): Promise<void> {
    this.#options.onRead?.();
    if (!this.#ahead) this.#readAhead();
    try {
      const { done, value } = await this.#ahead!;
      if (this.#hasEnded) return;
      if (!done) {
        this.#readAhead();
        this.#options.onSend?.();
        return controller.enqueue(value);
      }
      controller.close();
      await this.#end();
    } catch (error) {
      if (this.#hasEnded) return;
      controller.error(asOneLine(error));
      await this.#end(error);
    }
  }

  async cancel(): Promise<void> {
    this.#options.onCancel?.();
    await this.#end();
  }

  #readAhead(): void {
    this.#ahead = this.#chunks.next();
    this.#ahead.catch(() => {}); // reported when the client reads it
  }

  async #end(failure?: unknown): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#options.signal.removeEventListener("abort", this.#abort);
    await this.#ahead?.catch(() => {}); // the file is closed when it is no longer read
    await this.#chunks.return(undefined);
    this.#options.onEnd?.(failure);
  }
}

/** Returns an error without a stack: Deno prints the error of a body. */
function asOneLine(error: unknown): Error {
  const line = new Error(`Clip failed: ${explain(error)}`);
  line.stack = line.message;
  return line;
}
