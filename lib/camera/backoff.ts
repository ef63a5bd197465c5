import type { Clock } from "../clock.ts";
import { CameraError } from "../errors.ts";
import type { Open } from "../hub/hub.ts";

/** How long to wait after the first, second, … failure in a row, in milliseconds; then the last one. */
const DELAYS = [0, 500, 1_000, 2_000, 4_000, 8_000, 10_000];
/** After frames for so long a failure counts as the first one again, in milliseconds. */
const RESET_AFTER = 10_000;

/** Options of {@link Backoff}. */
export interface BackoffOptions {
  clock: Clock;
  /** Is told of each failure, and how long the pause after it is, in milliseconds. */
  onFailure?: (error: CameraError, pause: number) => void;
}

/**
 * What is remembered of a source's failures: it outlives the source's openings, so that clients who come
 * and go cannot make a broken camera start more often.
 */
export class Backoff {
  /** How many there were, ever. */
  total = 0;

  readonly #clock: Clock;
  readonly #onFailure: BackoffOptions["onFailure"];
  #consecutiveFailures = 0;
  #lastError: CameraError | undefined;
  #retryAt = -Infinity;
  #succeedingSince: number | undefined;
  #retryRequested = Promise.withResolvers<void>();

  constructor({ clock, onFailure }: BackoffOptions) {
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /** Why there are no frames; undefined from the first frame on. */
  get lastError(): CameraError | undefined {
    return this.#lastError;
  }

  /** How long the source rests yet, in milliseconds. */
  get remaining(): number {
    return Math.max(0, this.#retryAt - this.#clock.monotonic());
  }

  /** Somebody wants frames: what is permanent is tried again. */
  retryNow(): void {
    this.#retryRequested.resolve();
    this.#retryRequested = Promise.withResolvers();
  }

  /** The source is being opened. */
  starting(): void {
    this.#succeedingSince = undefined;
  }

  /** There is a frame. */
  succeed(): void {
    const now = this.#clock.monotonic();
    this.#lastError = undefined;
    this.#succeedingSince ??= now;
    if (this.#consecutiveFailures > 0 && now - this.#succeedingSince >= RESET_AFTER) {
      this.#consecutiveFailures = 0;
    }
  }

  /** The source has failed. */
  fail(error: CameraError): void {
    this.total++;
    const pause = DELAYS[Math.min(this.#consecutiveFailures++, DELAYS.length - 1)]!;
    this.#lastError = error;
    this.#retryAt = this.#clock.monotonic() + pause;
    this.#onFailure?.(error, pause);
  }

  /** Waits until the source may be opened (again). Rejects when `signal` aborts. */
  async wait(signal: AbortSignal, fresh: boolean): Promise<void> {
    if (this.#lastError?.permanent && !fresh) {
      await unlessAborted(this.#retryRequested.promise, signal);
    }
    if (this.remaining > 0) await this.#clock.sleep(this.remaining, signal);
  }
}

/**
 * A source that is opened again whenever it fails or ends: at once, then with growing pauses, for ever.
 * After a failure that is permanent it waits until somebody asks.
 */
export function restarting<T>(open: Open<T>, failures: Backoff): Open<T> {
  return async function* (signal) {
    for (let fresh = true; !signal.aborted; fresh = false) {
      try {
        await failures.wait(signal, fresh);
      } catch {
        return; // aborted in a pause
      }
      failures.starting();
      try {
        for await (const item of open(signal)) {
          failures.succeed();
          yield item;
        }
        if (!signal.aborted) failures.fail(new CameraError("The camera's stream ended"));
      } catch (error) {
        if (!signal.aborted) failures.fail(asCameraError(error));
      }
    }
  };
}

function asCameraError(error: unknown): CameraError {
  if (error instanceof CameraError) return error;
  return new CameraError("The camera's driver failed", { cause: error });
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: either, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  promise.then(resolve).finally(() => signal.removeEventListener("abort", onAbort));
  return either;
}
