import type { Bytes } from "../bytes.ts";

/** Reads a program's standard output. */
export interface OutputReader {
  /**
   * Waits for bytes and writes them to the start of `into`, whose buffer may be detached.
   *
   * @returns The bytes read, in the same memory; undefined at the end, and after {@link close}.
   */
  read(into: Bytes): Promise<Bytes | undefined>;
  /** Ends a pending read, and closes the reading end of the pipe. */
  close(): Promise<void>;
}

/** Reads a program's standard output through Deno's stream, on any system. */
export class StreamReader implements OutputReader {
  readonly #reader: ReadableStreamBYOBReader;

  constructor(stdout: ReadableStream<Bytes>) {
    this.#reader = stdout.getReader({ mode: "byob" });
  }

  async read(into: Bytes): Promise<Bytes | undefined> {
    const { done, value } = await this.#reader.read(into);
    return done ? undefined : value;
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}
