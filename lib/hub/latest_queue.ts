/** Options of a {@link LatestQueue}. */
export interface LatestQueueOptions {
  /** Maximum number of items. @default {1} */
  depth?: number;
  /** Called for each item that a newer one has replaced. */
  onDropped?: () => void;
}

/**
 * A bounded queue in which the newest items win: when it is full, the oldest item is dropped. For
 * subscribers that may be slower than their source.
 */
export class LatestQueue<T> {
  /** Number of items dropped so far. */
  dropped = 0;

  readonly #items: T[] = [];
  readonly #depth: number;
  readonly #onDropped: (() => void) | undefined;

  constructor({ depth = 1, onDropped }: LatestQueueOptions = {}) {
    this.#depth = depth;
    this.#onDropped = onDropped;
  }

  /** Number of items in the queue. */
  get size(): number {
    return this.#items.length;
  }

  /** The oldest item; undefined if the queue is empty. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** Whether an item is in the queue. */
  has(item: T): boolean {
    return this.#items.includes(item);
  }

  /** Appends an item, and drops the oldest one if the queue was full. */
  offer(item: T): void {
    this.#items.push(item);
    if (this.#items.length <= this.#depth) return;
    this.#items.shift();
    this.dropped++;
    this.#onDropped?.();
  }

  /** Removes and returns the oldest item; undefined if the queue is empty. */
  take(): T | undefined {
    return this.#items.shift();
  }

  /** Removes all items without counting them as dropped. */
  clear(): void {
    if (this.#items.length > 0) this.#items.length = 0; // setting it costs time for each frame
  }
}
