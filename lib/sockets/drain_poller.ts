/** Interval between checks whether connections have drained, in milliseconds. */
const DRAIN_POLL_INTERVAL = 50;

/** A connection that a {@link DrainPoller} checks. */
interface Drainable {
  readonly drained: boolean;
}

/**
 * Calls back when connections have drained. The kernel's byte counts cause no event, so it polls:
 * with one timer for all connections, which runs only while some of them have not drained.
 */
export class DrainPoller {
  readonly #callbacks = new Map<Drainable, () => void>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Calls `onDrain` once, when `connection` has drained. Replaces an earlier callback. */
  add(connection: Drainable, onDrain: () => void): void {
    this.#callbacks.set(connection, onDrain);
    this.#timer ??= setInterval(() => this.#poll(), DRAIN_POLL_INTERVAL);
  }

  /** Drops the callback of a connection. */
  delete(connection: Drainable): void {
    this.#callbacks.delete(connection);
    if (this.#callbacks.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #poll(): void {
    for (const [connection, onDrain] of this.#callbacks) {
      if (!connection.drained) continue;
      this.delete(connection);
      onDrain();
    }
  }
}
