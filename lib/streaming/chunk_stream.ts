import type { Bytes } from "../bytes.ts";

/** Options of a {@link ChunkStream}. */
export interface ChunkStreamOptions {
  /** Called when the client has received everything and can receive more. */
  onReady: () => void;
  /** Called once, when the client has disconnected or the stream has ended. */
  onEnd: () => void;
}

/**
 * A response body that is written when the client is ready for more, so that nothing is queued in
 * the runtime. Writes share their bytes with other streams.
 */
export class ChunkStream {
  /** The body, for a `Response`. */
  readonly body: ReadableStream<Bytes>;
  /** Why the server disconnected the client; undefined if it did not. */
  endReason: string | undefined;

  readonly #options: ChunkStreamOptions;
  #controller!: ReadableStreamDefaultController<Bytes>;
  #isReady = false;
  #isEnded = false;
  #blockedSince: number | undefined;

  constructor(options: ChunkStreamOptions) {
    this.#options = options;
    this.body = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#onPull(),
      cancel: () => this.#end(),
    }, { highWaterMark: 0 });
  }

  /** Whether the client has received everything and the stream has not ended. */
  get isReady(): boolean {
    return this.#isReady && !this.#isEnded;
  }

  /** Whether the stream has ended. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Sends chunks. The client must be ready; it may disconnect while it receives the first ones. */
  send(...chunks: readonly Bytes[]): void {
    this.#isReady = false;
    for (const chunk of chunks) {
      if (this.#isEnded) return;
      this.#controller.enqueue(chunk); // may call `cancel` or `pull`
    }
  }

  /**
   * Returns for how long the client has been receiving the same bytes, in milliseconds, counted
   * from the first call; undefined if it has received everything.
   *
   * @param now Monotonic time.
   */
  blockedFor(now: number): number | undefined {
    if (this.#isReady) return undefined;
    this.#blockedSince ??= now;
    return now - this.#blockedSince;
  }

  /** Ends the stream. @param reason Why, if the server disconnects the client. */
  end(reason?: string): void {
    if (this.#isEnded) return;
    this.endReason = reason;
    this.#controller.close();
    this.#end();
  }

  #onPull(): void {
    this.#isReady = true;
    this.#blockedSince = undefined;
    this.#options.onReady();
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#options.onEnd();
  }
}
