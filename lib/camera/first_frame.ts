import { type Clock, settlesWithin } from "../clock.ts";

/**
 * The arrival of the first frame of a capture. A client that connects waits for it, so that it gets
 * an error response if the capture fails.
 */
export class FirstFrame {
  readonly #clock: Clock;
  #deferred = deferred();
  #arrived = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether frames are flowing. */
  get arrived(): boolean {
    return this.#arrived;
  }

  /**
   * Waits for the first frame.
   *
   * @returns Whether it has arrived within `timeout` milliseconds.
   * @throws The error given to {@link fail}, if the capture fails first.
   */
  wait(timeout: number): Promise<boolean> {
    return settlesWithin(this.#deferred.promise, timeout, this.#clock);
  }

  /** Ends all waits: frames are flowing. */
  arrive(): void {
    this.#arrived = true;
    this.#deferred.resolve();
  }

  /** Ends all waits with an error. Later calls of {@link wait} wait for the next capture. */
  fail(error: Error): void {
    this.#deferred.reject(error);
    this.#deferred = deferred();
    this.#arrived = false;
  }

  /** Records that frames have stopped flowing. Waits in progress continue. */
  reset(): void {
    if (this.#arrived) this.#deferred = deferred();
    this.#arrived = false;
  }
}

/** Creates a promise to settle later. Its rejection may stay unhandled. */
function deferred(): PromiseWithResolvers<void> {
  const resolvers = Promise.withResolvers<void>();
  resolvers.promise.catch(() => {});
  return resolvers;
}
