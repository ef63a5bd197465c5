import type { Clock } from "../clock.ts";
import { RecentItems } from "./recent_items.ts";
import type { Source } from "./source.ts";
import type { Failure, Role, Subscriber } from "./subscriber.ts";
import { Subscription, type SubscriptionOptions } from "./subscription.ts";

export type { Failure, Role, Source, Subscriber };

/** Options of a {@link Hub}. */
export interface HubOptions<T> {
  clock: Clock;
  /**
   * How long the source keeps running after the last subscriber that needs it has left, in
   * milliseconds; `Infinity`: forever.
   */
  idleTimeout: number;
  /** Called for each item that is certainly no longer used, so that its memory can be reused. */
  onReleased?: (item: T) => void;
}

/**
 * Broadcasts one source to any number of subscribers, each at its own pace. The source runs only
 * while a subscriber needs it, and for `idleTimeout` afterwards.
 */
export class Hub<T> implements AsyncDisposable {
  readonly #open: Source<T>;
  readonly #clock: Clock;
  readonly #idleTimeout: number;
  readonly #subscribers = new Set<Subscriber<T>>();
  /** Number of subscribers that need the source to run. */
  #needing = 0;
  #running: Promise<void> | undefined;
  #source: AbortController | undefined;
  #idle: AbortController | undefined;
  readonly #recent: RecentItems<T> | undefined;
  #latest: T | undefined;
  #closed = false;

  constructor(source: Source<T>, { clock, idleTimeout, onReleased }: HubOptions<T>) {
    this.#open = source;
    this.#recent = onReleased && new RecentItems(this.#subscribers, onReleased);
    this.#clock = clock;
    this.#idleTimeout = idleTimeout;
  }

  /** Number of current subscribers with a role. */
  count(role: Role): number {
    let count = 0;
    for (const subscriber of this.#subscribers) if (subscriber.role === role) count++;
    return count;
  }

  /** Whether the source is open or closing. */
  get running(): boolean {
    return this.#running !== undefined;
  }

  /** The latest item, while the source runs. It is never released, as the caller may keep it. */
  get latest(): T | undefined {
    this.#recent?.keepLatest();
    return this.#latest;
  }

  /** Whether there is a latest item. */
  get hasLatest(): boolean {
    return this.#latest !== undefined;
  }

  /** Discards the latest item, so that new subscribers wait for the next one. */
  clearLatest(): void {
    this.#latest = undefined;
  }

  /** Opens the source without waiting for a subscriber. */
  start(): void {
    if (!this.#closed) this.#running ??= this.#run();
  }

  /**
   * Adds a subscriber, offers it the latest item, and opens the source if the subscriber needs it.
   */
  join(subscriber: Subscriber<T>): void {
    if (this.#closed) return subscriber.end();
    if (!this.#subscribers.has(subscriber)) {
      this.#subscribers.add(subscriber);
      if (needsSource(subscriber)) this.#needing++;
    }
    if (this.#latest !== undefined) {
      this.#recent?.offeredAgain(subscriber);
      subscriber.offer(this.#latest);
    }
    if (!needsSource(subscriber)) return;
    this.#idle?.abort();
    this.start();
  }

  /** Removes a subscriber, if it has joined. */
  leave(subscriber: Subscriber<T>): void {
    if (!this.#remove(subscriber) || !needsSource(subscriber) || this.#needing > 0) return;
    if (this.#idleTimeout === Infinity) return;
    const idle = this.#idle = new AbortController();
    if (this.#idleTimeout === 0) return this.#stop();
    this.#clock.sleep(this.#idleTimeout, idle.signal).then(
      () => this.#stop(),
      () => {}, // a subscriber has joined in time
    );
  }

  /** Creates a subscription, which joins when it is first read. */
  subscribe(options: SubscriptionOptions = {}): Subscription<T> {
    return new Subscription(this, options);
  }

  /**
   * Ends all subscribers and waits until the source has closed.
   *
   * @param reason Abort reason for the source.
   */
  async close(reason?: unknown): Promise<void> {
    this.#closed = true;
    this.#source?.abort(reason);
    this.#endAll();
    this.#idle?.abort();
    await this.#running;
  }

  /** {@link close} without a reason. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #publish(item: T): void {
    this.#recent?.add(item);
    this.#latest = item;
    for (const subscriber of this.#subscribers) this.#offer(subscriber, item);
  }

  /** Offers an item. A subscriber that throws, by a defect, is ended, and the others go on. */
  #offer(subscriber: Subscriber<T>, item: T): void {
    try {
      subscriber.offer(item);
    } catch (reason) {
      this.leave(subscriber);
      subscriber.end({ reason });
    }
  }

  #remove(subscriber: Subscriber<T>): boolean {
    if (!this.#subscribers.delete(subscriber)) return false;
    this.#recent?.left(subscriber);
    if (needsSource(subscriber)) this.#needing--;
    return true;
  }

  #endAll(failure?: Failure): void {
    for (const subscriber of [...this.#subscribers]) {
      this.#remove(subscriber);
      subscriber.end(failure);
    }
  }

  /** Closes the source. Subscribers that join meanwhile wait until it is open again. */
  #stop(): void {
    this.#source?.abort();
    this.#latest = undefined;
  }

  /** Opens the source, and opens it again if subscribers have joined while it was closing. */
  async #run(): Promise<void> {
    do await this.#broadcast(); while (this.#needing > 0 && !this.#closed);
    this.#running = undefined;
  }

  async #broadcast(): Promise<void> {
    const source = this.#source = new AbortController();
    let failure: Failure | undefined;
    try {
      await this.#open(source.signal, (item) => {
        if (!source.signal.aborted) this.#publish(item);
      });
    } catch (reason) {
      failure = { reason };
    }
    this.#latest = undefined;
    this.#recent?.clear();
    if (source.signal.aborted) return;
    this.#endAll(failure);
    this.#idle?.abort();
  }
}

function needsSource({ keepsRunning = true }: Subscriber<never>): boolean {
  return keepsRunning;
}
