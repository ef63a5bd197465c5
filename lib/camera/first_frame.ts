import { type Clock, settlesWithin } from "../clock.ts";

/**
 * The first frame of a camera after it was opened or has failed: what clients wait for before the
 * server answers them.
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
   * @throws The error given to {@link fail}, if that comes first.
   */
  wait(timeout: number): Promise<boolean> {
    return settlesWithin(this.#deferred.promise, timeout, this.#clock);
  }

  /** Answers the waiting clients: frames are flowing. */
  arrive(): void {
    this.#arrived = true;
    this.#deferred.resolve();
  }

  /** Answers the waiting clients with an error. Later ones wait for the next first frame. */
  fail(error: Error): void {
    this.#deferred.reject(error);
    this.#deferred = deferred();
    this.#arrived = false;
  }

  /** Frames have stopped flowing. Clients that wait already keep waiting. */
  reset(): void {
    if (this.#arrived) this.#deferred = deferred();
    this.#arrived = false;
  }
}

/** A promise to settle later, whose rejection may be left unhandled. */
function deferred(): PromiseWithResolvers<void> {
  const resolvers = Promise.withResolvers<void>();
  resolvers.promise.catch(() => {});
  return resolvers;
}
