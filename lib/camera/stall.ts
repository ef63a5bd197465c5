import type { Clock } from "../clock.ts";
import { CameraError, StopNow } from "../errors.ts";
import type { Open } from "../hub/hub.ts";

/** Options of {@link stalling}. */
export interface StallOptions {
  clock: Clock;
  /** How long the first item may take, in milliseconds. */
  first: number;
  /** How long there may be no item after another, in milliseconds. */
  between: number;
}

/** How long a camera of `fps` frames a second may be silent, in milliseconds. */
export function patienceFor(fps = Infinity): { first: number; between: number } {
  return { first: Math.max(10_000, 8_000 / fps), between: Math.max(3_000, 8_000 / fps) };
}

/**
 * A source that ends with a {@link CameraError} when it has been silent for too long: some faults leave a
 * capture program alive and mute for ever.
 */
export function stalling<T>(open: Open<T>, { clock, first, between }: StallOptions): Open<T> {
  return async function* (signal) {
    using watchdog = new Watchdog({ clock, first, between });
    try {
      for await (const item of open(AbortSignal.any([signal, watchdog.signal]))) {
        watchdog.reset();
        yield item;
      }
    } catch (cause) {
      if (!watchdog.signal.aborted || signal.aborted) throw cause;
      const { message, hint } = cause instanceof CameraError
        ? cause
        : new CameraError(String(cause));
      throw new CameraError(`${watchdog.signal.reason.message}: ${message}`, { hint, cause });
    }
    if (watchdog.signal.aborted && !signal.aborted) {
      throw new CameraError(watchdog.signal.reason.message);
    }
  };
}

/** Aborts its signal when it was not reset in time. */
class Watchdog implements Disposable {
  readonly #clock: Clock;
  readonly #between: number;
  readonly #bite = new AbortController();
  readonly #done = new AbortController();
  #limit: number;
  #since: number;
  #what = "No first picture";

  constructor({ clock, first, between }: StallOptions) {
    this.#clock = clock;
    this.#between = between;
    this.#limit = first;
    this.#since = clock.monotonic();
    this.#watch().catch(() => {}); // its sleep is cut short when it is disposed
  }

  get signal(): AbortSignal {
    return this.#bite.signal;
  }

  reset(): void {
    this.#limit = this.#between;
    this.#since = this.#clock.monotonic();
    this.#what = "No picture";
  }

  [Symbol.dispose](): void {
    this.#done.abort();
  }

  async #watch(): Promise<void> {
    for (let left; (left = this.#since + this.#limit - this.#clock.monotonic()) > 0;) {
      // A reset may bring the end nearer, but never nearer than this.
      await this.#clock.sleep(Math.min(left, this.#between), this.#done.signal);
    }
    this.#bite.abort(new StopNow(`${this.#what} for ${Math.round(this.#limit / 1000)} s`));
  }
}
