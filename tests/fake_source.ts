/**
 * A source whose items, end and failure a test triggers. It ends when its signal aborts, as a
 * source must, and counts its openings.
 */
export class FakeSource<T> {
  /** Number of openings so far. */
  opened = 0;
  /** Number of openings that have not ended. */
  live = 0;
  /** Maximum of {@link live}. */
  most = 0;
  /** Abort reason of the last opening. */
  reason: unknown;
  /** An opening ends only after this has resolved. */
  closing: Promise<void> = Promise.resolve();

  #events: ((() => T) | "end")[] = [];
  #wake = Promise.withResolvers<void>();

  /** Opens the source and discards earlier items. */
  readonly open = (signal: AbortSignal): AsyncGenerator<T> => {
    this.#events = [];
    return this.#run(signal);
  };

  /** Yields an item. */
  push(item: T): void {
    this.#add(() => item);
  }

  /** Ends the source with an error. */
  fail(error: unknown): void {
    this.#add(() => {
      throw error;
    });
  }

  /** Ends the source. */
  end(): void {
    this.#add("end");
  }

  #add(event: (() => T) | "end"): void {
    if (this.live === 0) throw new Error("The source is not open");
    this.#events.push(event);
    this.#wake.resolve();
  }

  async *#run(signal: AbortSignal): AsyncGenerator<T> {
    this.opened++;
    this.most = Math.max(this.most, ++this.live);
    signal.addEventListener("abort", () => this.#wake.resolve());
    try {
      while (!signal.aborted) {
        const event = this.#events.shift();
        if (event === "end") return;
        if (event) yield event();
        else {
          this.#wake = Promise.withResolvers();
          await this.#wake.promise;
        }
      }
    } finally {
      this.reason = signal.reason;
      await this.closing;
      this.live--;
    }
  }
}
