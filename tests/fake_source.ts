/**
 * A source whose items, end and failure come when a test says so. It ends when its signal aborts, as one
 * must, and counts how often it is open.
 */
export class FakeSource<T> {
  /** How often it was opened. */
  opened = 0;
  /** How many openings there are that have not ended. */
  live = 0;
  /** The most there ever were at a time. */
  most = 0;
  /** What the last opening was aborted with. */
  reason: unknown;
  /** Until it resolves, an opening does not end. */
  closing: Promise<void> = Promise.resolve();

  #events: ((() => T) | "end")[] = [];
  #wake = Promise.withResolvers<void>();

  /** Opens it; what was pushed before is forgotten. */
  readonly open = (signal: AbortSignal): AsyncGenerator<T> => {
    this.#events = [];
    return this.#run(signal);
  };

  /** Gives an item. */
  push(item: T): void {
    this.#add(() => item);
  }

  /** Ends it with an error. */
  fail(error: unknown): void {
    this.#add(() => {
      throw error;
    });
  }

  /** Ends it. */
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
