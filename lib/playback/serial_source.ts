import type { Jpeg } from "../frame.ts";
import type { FrameSource, RecordedFrame } from "./frame_source.ts";

/** A {@link FrameSource} whose calls wait for each other. Once it is closed, it finds no frames. */
export class SerialSource implements FrameSource {
  readonly #source: FrameSource;
  /** Settles when the last call has ended. */
  #idle: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(source: FrameSource) {
    this.#source = source;
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** See {@link FrameSource.seek}. */
  seek(at: number, edge: "before" | "after"): Promise<RecordedFrame | undefined> {
    return this.#call(() => this.#source.seek(at, edge));
  }

  /** See {@link FrameSource.step}. */
  step(by: 1 | -1): Promise<RecordedFrame | undefined> {
    return this.#call(() => this.#source.step(by));
  }

  /** See {@link FrameSource.read}. */
  read(): Promise<Jpeg | undefined> {
    return this.#call(() => this.#source.read());
  }

  /** Moves to a frame and reads it; undefined if it has been deleted or is damaged. */
  seekAndRead({ at }: RecordedFrame): Promise<Jpeg | undefined> {
    return this.#call(async () => {
      const found = await this.#source.seek(at, "before");
      return found?.at === at ? await this.#source.read() : undefined;
    });
  }

  /** Closes the source after the pending calls. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#idle;
    await this.#source[Symbol.asyncDispose]();
  }

  #call<T>(call: () => Promise<T | undefined>): Promise<T | undefined> {
    const result = this.#idle.then(() => this.#closed ? undefined : call());
    this.#idle = result.catch(() => {}); // the caller handles it
    return result;
  }
}
