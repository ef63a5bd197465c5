/** Why there will be no more items. */
export interface Failure {
  readonly reason: unknown;
}

/** What a subscription joins at its first `next()`. */
interface Joinable<T> {
  join(subscription: Subscription<T>): void;
  leave(subscription: Subscription<T>): void;
}

/**
 * One subscriber's place at a hub: an async iterator that keeps the newest
 * `depth` items while its reader is busy and drops the older ones.
 *
 * It joins at the first `next()`, so one that is never read costs nothing.
 * It is written by hand and not as an async generator because a generator
 * answers `return()` only after the `next()` it is waiting in: a viewer who
 * hangs up in front of a silent camera would then never leave.
 */
export class Subscription<T> implements AsyncIterableIterator<T, undefined>, Disposable {
  /** Items this subscriber was too slow to take. */
  dropped = 0;

  readonly #hub: Joinable<T>;
  readonly #depth: number;
  readonly #queue: T[] = [];
  #waiting: PromiseWithResolvers<IteratorResult<T, undefined>> | undefined;
  #state: "new" | "open" | "closed" = "new";
  #failure: Failure | undefined;

  constructor(membership: Joinable<T>, depth: number) {
    this.#hub = membership;
    this.#depth = depth;
  }

  /** The next item: at once if one is kept, otherwise when the hub has it. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#state === "new") {
      this.#state = "open";
      this.#hub.join(this);
    }
    if (this.#queue.length > 0) {
      return Promise.resolve({ done: false, value: this.#queue.shift()! });
    }
    if (this.#failure) {
      const { reason } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(reason);
    }
    if (this.#state === "closed") return Promise.resolve({ done: true, value: undefined });
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** Leaves the hub and ends a `next()` that is still waiting. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#queue.length = 0;
    this.end();
    this.#failure = undefined;
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Called by the hub for each item. */
  offer(item: T): void {
    if (this.#waiting) return this.#take().resolve({ done: false, value: item });
    this.#queue.push(item);
    if (this.#queue.length > this.#depth) {
      this.#queue.shift();
      this.dropped++;
    }
  }

  /** Called by the hub when there will be no more items, with the reason if that is a failure. */
  end(failure?: Failure): void {
    if (this.#state === "closed") return;
    const joined = this.#state === "open";
    this.#state = "closed";
    if (joined) this.#hub.leave(this);
    if (!this.#waiting) this.#failure = failure;
    else if (failure) this.#take().reject(failure.reason);
    else this.#take().resolve({ done: true, value: undefined });
  }

  /** The same object. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Leaves the hub. */
  [Symbol.dispose](): void {
    this.return();
  }

  #take(): PromiseWithResolvers<IteratorResult<T, undefined>> {
    const waiting = this.#waiting!;
    this.#waiting = undefined;
    return waiting;
  }
}
