import type { Clock } from "../clock.ts";
import { CameraError, ImmediateStop } from "../errors.ts";
import type { Open } from "../hub/hub.ts";

/** Options of {@link stalling}. */
export interface StallOptions {
  clock: Clock;
  /** How long the first item may take, in milliseconds. */
  firstFrame: number;
  /** How long there may be no item after another, in milliseconds. */
  nextFrame: number;
}

/** How long a camera of `fps` frames a second may be silent, in milliseconds. */
export function stallTimeouts(fps = Infinity): { firstFrame: number; nextFrame: number } {
  return { firstFrame: Math.max(10_000, 8_000 / fps), nextFrame: Math.max(3_000, 8_000 / fps) };
}

/**
 * A source that ends with a {@link CameraError} when it has been silent for too long: some faults leave a
 * capture program alive and mute for ever.
 */
export function stalling<T>(
  open: Open<T>,
  { clock, firstFrame, nextFrame }: StallOptions,
): Open<T> {
  return async function* (signal) {
    using watchdog = new Watchdog({ clock, firstFrame, nextFrame });
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
  readonly #nextFrame: number;
  readonly #controller = new AbortController();
  readonly #disposed = new AbortController();
  #timeout: number;
  #since: number;
  #subject = "No first picture";

  constructor({ clock, firstFrame, nextFrame }: StallOptions) {
    this.#clock = clock;
    this.#nextFrame = nextFrame;
    this.#timeout = firstFrame;
    this.#since = clock.monotonic();
    this.#watch().catch(() => {}); // its sleep is cut short when it is disposed
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  reset(): void {
    this.#timeout = this.#nextFrame;
    this.#since = this.#clock.monotonic();
    this.#subject = "No picture";
  }

  [Symbol.dispose](): void {
    this.#disposed.abort();
  }

  async #watch(): Promise<void> {
    for (let left; (left = this.#since + this.#timeout - this.#clock.monotonic()) > 0;) {
      // A reset may bring the end nearer, but never nearer than this.
      await this.#clock.sleep(Math.min(left, this.#nextFrame), this.#disposed.signal);
    }
    this.#controller.abort(
      new ImmediateStop(`${this.#subject} for ${Math.round(this.#timeout / 1000)} s`),
    );
  }
}
