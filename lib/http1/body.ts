import type { Bytes } from "../bytes.ts";
import type { BodyDecoder } from "./body_decoder.ts";

/** The body of a response. Iterate over it once, or dispose of it: both close the connection. */
export interface ResponseBody extends AsyncIterable<Bytes>, AsyncDisposable {
  /**
   * Whether the connection ended before the announced end of the body. Valid after the iteration,
   * which ends without an error in this case.
   */
  readonly truncated: boolean;
}

/** Reads a body from a connection. */
export class BodyReader implements ResponseBody, AsyncIterator<Bytes> {
  truncated = false;
  readonly #decoder: BodyDecoder;
  readonly #read: () => Promise<Bytes | undefined>;
  readonly #close: () => void;
  #parts: Bytes[] = [];
  #ended = false;

  /**
   * @param first The bytes that arrived together with the head.
   * @param connection `read` returns undefined at the end, also after `close`.
   */
  constructor(
    decoder: BodyDecoder,
    first: Bytes,
    connection: { read(): Promise<Bytes | undefined>; close(): void },
  ) {
    this.#decoder = decoder;
    this.#close = () => connection.close();
    let unread: Bytes | undefined = first.length ? first : undefined;
    this.#read = () => {
      if (!unread) return connection.read();
      const bytes = unread;
      unread = undefined;
      return Promise.resolve(bytes);
    };
    if (decoder.done) this.#end();
  }

  async next(): Promise<IteratorResult<Bytes, undefined>> {
    try {
      while (!this.#parts.length && !this.#ended) await this.#fill();
    } catch (error) {
      this.#end();
      throw error;
    }
    const value = this.#parts.shift();
    return value ? { done: false, value } : { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<Bytes, undefined>> {
    this.#parts = [];
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #fill(): Promise<void> {
    const bytes = await this.#read();
    if (this.#ended) return;
    if (bytes) this.#parts = this.#decoder.push(bytes);
    else this.truncated = this.#decoder.incomplete;
    if (!bytes || this.#decoder.done) this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes> {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
