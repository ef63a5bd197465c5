import type { Clock } from "../clock.ts";
import { CameraError } from "../errors.ts";
import type { Open } from "../hub/hub.ts";

/** How long to wait after the first, second, … failure in a row, in milliseconds; then the last one. */
const PAUSES = [0, 500, 1_000, 2_000, 4_000, 8_000, 10_000];
/** After frames for so long a failure counts as the first one again, in milliseconds. */
const STEADY = 10_000;

/** Options of {@link Failures}. */
export interface FailuresOptions {
  clock: Clock;
  /** Is told of each failure, and how long the pause after it is, in milliseconds. */
  onFailure?: (error: CameraError, pause: number) => void;
}

/**
 * What is remembered of a source's failures: it outlives the source's openings, so that clients who come
 * and go cannot make a broken camera start more often.
 */
export class Failures {
  /** How many there were, ever. */
  total = 0;

  readonly #clock: Clock;
  readonly #onFailure: FailuresOptions["onFailure"];
  #inARow = 0;
  #last: CameraError | undefined;
  #retryAt = -Infinity;
  #flowingSince: number | undefined;
  #asked = Promise.withResolvers<void>();

  constructor({ clock, onFailure }: FailuresOptions) {
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /** Why there are no frames; undefined from the first frame on. */
  get last(): CameraError | undefined {
    return this.#last;
  }

  /** How long the source rests yet, in milliseconds. */
  get pause(): number {
    return Math.max(0, this.#retryAt - this.#clock.monotonic());
  }

  /** Somebody wants frames: what is hopeless is tried again. */
  ask(): void {
    this.#asked.resolve();
    this.#asked = Promise.withResolvers();
  }

  /** The source is being opened. */
  opening(): void {
    this.#flowingSince = undefined;
  }

  /** There is a frame. */
  flow(): void {
    const now = this.#clock.monotonic();
    this.#last = undefined;
    this.#flowingSince ??= now;
    if (this.#inARow > 0 && now - this.#flowingSince >= STEADY) this.#inARow = 0;
  }

  /** The source has failed. */
  add(error: CameraError): void {
    this.total++;
    const pause = PAUSES[Math.min(this.#inARow++, PAUSES.length - 1)]!;
    this.#last = error;
    this.#retryAt = this.#clock.monotonic() + pause;
    this.#onFailure?.(error, pause);
  }

  /** Waits until the source may be opened (again). Rejects when `signal` aborts. */
  async over(signal: AbortSignal, fresh: boolean): Promise<void> {
    if (this.#last?.hopeless && !fresh) await unlessAborted(this.#asked.promise, signal);
    if (this.pause > 0) await this.#clock.sleep(this.pause, signal);
  }
}

/**
 * A source that is opened again whenever it fails or ends: at once, then with growing pauses, for ever.
 * After a failure that is hopeless it waits until somebody asks.
 */
export function restarting<T>(open: Open<T>, failures: Failures): Open<T> {
  return async function* (signal) {
    for (let fresh = true; !signal.aborted; fresh = false) {
      try {
        await failures.over(signal, fresh);
      } catch {
        return; // aborted in a pause
      }
      failures.opening();
      try {
        for await (const item of open(signal)) {
          failures.flow();
          yield item;
        }
        if (!signal.aborted) failures.add(new CameraError("The camera's stream ended"));
      } catch (error) {
        if (!signal.aborted) failures.add(asCameraError(error));
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
