/** An event, such as `{ type: "camera started", camera: "front" }`. */
export interface Event {
  /** What has happened. */
  readonly type: string;
}

/** Receives events. */
export type Listener<E extends Event> = (event: E) => void;

/**
 * Delivers events from the module that emits them to the modules that react to them, so that
 * neither imports the other. Events are rare (a camera fails, a recording pauses): never one for
 * each frame.
 *
 * @example
 * ```ts
 * import { Events } from "dinocam/events.ts";
 * const events = new Events<{ type: "failed"; camera: string }>();
 * using subscription = events.subscribe(({ camera }) => console.log(camera));
 * events.emit({ type: "failed", camera: "front" });
 * ```
 */
export class Events<E extends Event> {
  readonly #listeners = new Set<Listener<E>>();
  readonly #onError: (error: unknown, event: E) => void;

  /** @param onError Called when a listener throws; the other listeners still receive the event. */
  constructor(onError: (error: unknown, event: E) => void = () => {}) {
    this.#onError = onError;
  }

  /** Calls all listeners in the order of their subscription, before it returns. */
  emit(event: E): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#onError(error, event);
      }
    }
  }

  /** Adds a listener. @returns An object whose disposal removes the listener. */
  subscribe(listener: Listener<E>): Disposable {
    const entry: Listener<E> = (event) => listener(event);
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }
}
