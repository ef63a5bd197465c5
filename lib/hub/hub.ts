import type { Clock } from "../clock.ts";
import { type Failure, Subscription } from "./subscription.ts";

/** Starts whatever the hub broadcasts. It must stop, and end, when `signal` aborts. */
export type Open<T> = (signal: AbortSignal) => AsyncIterable<T>;

/** Who is at a hub. The hub calls it for every item, so it is quick and does not throw. */
export interface Subscriber<T> {
  /** There is a new item. */
  offer(item: T): void;
  /** There will be no more, with the reason if that is a failure. */
  end(failure?: Failure): void;
}

/** Options of a {@link Hub}. */
export interface HubOptions {
  clock: Clock;
  /** How long the source runs on after the last subscriber left, in milliseconds. `Infinity`: for ever. */
  idleTimeout: number;
}

/**
 * Broadcasts one source to any number of subscribers, each at its own pace.
 * The source runs only while somebody is subscribed, and `idleTimeout` longer.
 */
export class Hub<T> implements AsyncDisposable {
  readonly #open: Open<T>;
  readonly #clock: Clock;
  readonly #idleTimeout: number;
  readonly #subscribers = new Set<Subscriber<T>>();
  #running: Promise<void> | undefined;
  #source: AbortController | undefined;
  #idle: AbortController | undefined;
  #latest: T | undefined;
  #closed = false;

  constructor(open: Open<T>, { clock, idleTimeout }: HubOptions) {
    this.#open = open;
    this.#clock = clock;
    this.#idleTimeout = idleTimeout;
  }

  /** Who is subscribed now. */
  get subscribers(): ReadonlySet<Subscriber<T>> {
    return this.#subscribers;
  }

  /** Whether the source is open, or closing. */
  get running(): boolean {
    return this.#running !== undefined;
  }

  /** The newest item, while the source runs. */
  get latest(): T | undefined {
    return this.#latest;
  }

  /** Forgets the newest item: who joins now waits for another one. */
  clearLatest(): void {
    this.#latest = undefined;
  }

  /** Opens the source without waiting for anybody to subscribe. */
  start(): void {
    if (!this.#closed) this.#running ??= this.#run();
  }

  /** Adds a subscriber, who gets the newest item at once, and starts the source if it is not running. */
  join(subscriber: Subscriber<T>): void {
    if (this.#closed) return subscriber.end();
    this.#idle?.abort();
    this.#subscribers.add(subscriber);
    if (this.#latest !== undefined) subscriber.offer(this.#latest);
    this.start();
  }

  /** Takes a subscriber out. Whoever is not there is left alone. */
  leave(subscriber: Subscriber<T>): void {
    if (!this.#subscribers.delete(subscriber) || this.#subscribers.size > 0) return;
    if (this.#idleTimeout === Infinity) return;
    const idle = this.#idle = new AbortController();
    if (this.#idleTimeout === 0) return this.#stop();
    this.#clock.sleep(this.#idleTimeout, idle.signal).then(
      () => this.#stop(),
      () => {}, // somebody came in time
    );
  }

  /** A subscription that is an iterator. `depth` items are kept for a busy reader: 1 means the newest. */
  subscribe({ depth = 1 }: { depth?: number } = {}): Subscription<T> {
    return new Subscription(this, depth);
  }

  /** Ends every subscription and waits until the source has closed; `reason` is what it is aborted with. */
  async close(reason?: unknown): Promise<void> {
    this.#closed = true;
    this.#source?.abort(reason);
    for (const subscriber of [...this.#subscribers]) this.#end(subscriber);
    this.#idle?.abort();
    await this.#running;
  }

  /** {@link close} without a reason. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(subscriber: Subscriber<T>, failure?: Failure): void {
    this.#subscribers.delete(subscriber);
    subscriber.end(failure);
  }

  /** Closes the source; who joins meanwhile waits until it is open again. */
  #stop(): void {
    this.#source?.abort();
    this.#latest = undefined;
  }

  /** Opens the source again for whoever joined while it was closing. */
  async #run(): Promise<void> {
    do await this.#broadcast(); while (this.#subscribers.size > 0 && !this.#closed);
    this.#running = undefined;
  }

  async #broadcast(): Promise<void> {
    const source = this.#source = new AbortController();
    let failure: Failure | undefined;
    try {
      for await (const item of this.#open(source.signal)) {
        if (source.signal.aborted) break;
        this.#latest = item;
        for (const subscriber of this.#subscribers) subscriber.offer(item);
      }
    } catch (reason) {
      failure = { reason };
    }
    this.#latest = undefined;
    if (source.signal.aborted) return;
    for (const subscriber of [...this.#subscribers]) this.#end(subscriber, failure);
    this.#idle?.abort();
  }
}
