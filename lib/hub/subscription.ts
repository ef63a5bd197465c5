import { LatestQueue } from "./latest_queue.ts";
import type { Failure, Role, Subscriber } from "./subscriber.ts";

/** The hub of a subscription. */
interface Joinable<T> {
  join(subscriber: Subscriber<T>): void;
  leave(subscriber: Subscriber<T>): void;
}

/** Options of a {@link Subscription}. */
export interface SubscriptionOptions {
  /** Maximum number of items queued for a slow reader; the newest ones win. @default {1} */
  depth?: number;
  /** @default {"viewer"} */
  role?: Role;
  /** Whether the hub's source runs for this subscription. @default {true} */
  keepsRunning?: boolean;
  /** Called for each item that the reader was too slow to receive. */
  onDropped?: () => void;
}

/**
 * A subscriber that is an async iterator: it queues the newest `depth` items while its reader is
 * busy.
 *
 * It joins the hub at the first `next()`, so an unread subscription costs nothing.
 *
 * It is not an async generator, because that settles `return()` only after the pending `next()`: a
 * viewer that disconnects while a camera delivers no frames would never leave the hub.
 */
export class Subscription<T>
  implements Subscriber<T>, AsyncIterableIterator<T, undefined>, Disposable {
  readonly role: Role;
  readonly keepsRunning: boolean;

  readonly #hub: Joinable<T>;
  readonly #queue: LatestQueue<T>;
  #waiting: PromiseWithResolvers<IteratorResult<T, undefined>> | undefined;
  #state: "new" | "open" | "closed" = "new";
  #failure: Failure | undefined;

  constructor(hub: Joinable<T>, options: SubscriptionOptions = {}) {
    const { role = "viewer", keepsRunning = true, depth, onDropped } = options;
    this.#hub = hub;
    this.role = role;
    this.keepsRunning = keepsRunning;
    this.#queue = new LatestQueue({ depth, onDropped });
  }

  /** Number of items that the reader was too slow to receive. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  /** Resolves with the oldest queued item, or with the next one that the hub offers. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#state === "new") {
      this.#state = "open";
      this.#hub.join(this);
    }
    if (this.#queue.size > 0) return Promise.resolve({ done: false, value: this.#queue.take()! });
    if (this.#failure) {
      const { reason } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(reason);
    }
    if (this.#state === "closed") return Promise.resolve({ done: true, value: undefined });
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** Leaves the hub and ends the pending `next()`. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#queue.clear();
    this.end();
    this.#failure = undefined;
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Called by the hub for each item. */
  offer(item: T): void {
    if (this.#waiting) this.#takeWaiting().resolve({ done: false, value: item });
    else this.#queue.offer(item);
  }

  /** Called by the hub when there will be no more items. */
  end(failure?: Failure): void {
    if (this.#state === "closed") return;
    const joined = this.#state === "open";
    this.#state = "closed";
    if (joined) this.#hub.leave(this);
    if (!this.#waiting) this.#failure = failure;
    else if (failure) this.#takeWaiting().reject(failure.reason);
    else this.#takeWaiting().resolve({ done: true, value: undefined });
  }

  /** The subscription itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Leaves the hub. */
  [Symbol.dispose](): void {
    this.return();
  }

  #takeWaiting(): PromiseWithResolvers<IteratorResult<T, undefined>> {
    const waiting = this.#waiting!;
    this.#waiting = undefined;
    return waiting;
  }
}
