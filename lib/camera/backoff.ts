import type { Clock } from "../clock.ts";
import { whenResolved } from "./when_resolved.ts";

/** Delay before each retry in a row, in milliseconds; the last one repeats. */
const DELAYS = [0, 500, 1_000, 2_000, 4_000, 8_000, 10_000];
/** The delays begin anew after items have flowed for this long, in milliseconds. */
const RESET_AFTER = 10_000;
/**
 * A source is opened again at once if its items have flowed for longer than this, in milliseconds:
 * many IP cameras close the connection every few seconds.
 */
const WORKING_AFTER = 1_000;

/**
 * Minimum time from a failure to a retry that a user has requested, or that promises success, in
 * milliseconds.
 */
const MIN_REQUESTED_DELAY = 1_000;

/** Options of {@link Backoff.retryNow}. */
export interface RetryOptions {
  /**
   * Whether to shorten the delay to a second: for a user's request, or when a retry promises
   * success, not for a client's automatic request.
   */
  skipDelay?: boolean;
}

/** A failure after which retrying can be pointless. */
export interface RetryableError extends Error {
  /** Whether a retry is pointless until the user changes something. */
  readonly permanent: boolean;
  /** Resolves when a retry promises success. */
  readonly retryWhen?: Promise<void> | undefined;
}

/** Options of a {@link Backoff}. */
export interface BackoffOptions<E extends RetryableError> {
  clock: Clock;
  /** Called for each failure. @param delay Time until the retry, in milliseconds. */
  onFailure?: (error: E, delay: number) => void;
  /**
   * Whether the source is needed now. If not, it is no longer regarded as failed when a retry
   * promises success. @default {() => true}
   */
  isNeeded?: () => boolean;
  /** Called when a source that is not needed is no longer regarded as failed. */
  onForgotten?: () => void;
}

/**
 * Decides when a failed source may be opened again: at once, then after growing delays, forever. A
 * source that has delivered items for a while is opened again at once, and the delays do not grow.
 * A permanent failure is retried only on request. One object serves all starts of a source, so that
 * clients that connect and disconnect cannot make a broken source start more often.
 */
export class Backoff<E extends RetryableError> implements Disposable {
  /** Number of failures so far. */
  total = 0;

  readonly #clock: Clock;
  readonly #onFailure: BackoffOptions<E>["onFailure"];
  readonly #isNeeded: () => boolean;
  readonly #onForgotten: BackoffOptions<E>["onForgotten"];
  #consecutiveFailures = 0;
  #lastError: E | undefined;
  #failedAt = -Infinity;
  #retryAt = -Infinity;
  readonly #sleepers = new Set<AbortController>();
  /** Monotonic time of the first item since the last start, in milliseconds. */
  #succeedingSince: number | undefined;
  /** Time between the first and the latest item since the last start, in milliseconds. */
  #succeedingFor = 0;
  #retryRequested = Promise.withResolvers<void>();
  /** Waits for `retryWhen` of the last failure. */
  #recovery: Disposable | undefined;

  constructor({ clock, onFailure, isNeeded = () => true, onForgotten }: BackoffOptions<E>) {
    this.#clock = clock;
    this.#onFailure = onFailure;
    this.#isNeeded = isNeeded;
    this.#onForgotten = onForgotten;
  }

  /** The failure from which the source has not recovered yet. */
  get lastError(): E | undefined {
    return this.#lastError;
  }

  /** Remaining time until the next retry, in milliseconds. */
  get remaining(): number {
    return Math.max(0, this.#retryAt - this.#clock.monotonic());
  }

  /**
   * Requests a retry, even after a permanent failure. The delay still applies, unless it is to be
   * skipped.
   */
  retryNow({ skipDelay = false }: RetryOptions = {}): void {
    if (skipDelay) {
      this.#retryAt = Math.min(this.#retryAt, this.#failedAt + MIN_REQUESTED_DELAY);
      for (const sleeper of this.#sleepers) sleeper.abort();
    }
    this.#retryRequested.resolve();
    this.#retryRequested = Promise.withResolvers();
  }

  /** Records that the source is being opened. */
  start(): void {
    this.#succeedingSince = undefined;
    this.#succeedingFor = 0;
  }

  /** Records an item of the source. */
  succeed(): void {
    const now = this.#clock.monotonic();
    this.#lastError = undefined;
    if (this.#recovery) this.#stopWaiting();
    this.#succeedingSince ??= now;
    this.#succeedingFor = now - this.#succeedingSince;
    if (this.#succeedingFor >= RESET_AFTER) this.#consecutiveFailures = 0;
  }

  /** Records a failure of the source. */
  fail(error: E): void {
    this.total++;
    const delay = this.#nextDelay();
    this.#lastError = error;
    this.#failedAt = this.#clock.monotonic();
    this.#retryAt = this.#failedAt + delay;
    this.#stopWaiting();
    const { retryWhen } = error;
    if (retryWhen) this.#recovery = whenResolved(retryWhen, () => this.#onRecovery());
    this.#onFailure?.(error, delay);
  }

  /** Stops to wait for `retryWhen` of the last failure. */
  [Symbol.dispose](): void {
    this.#stopWaiting();
  }

  #stopWaiting(): void {
    this.#recovery?.[Symbol.dispose]();
    this.#recovery = undefined;
  }

  /** Handles that `retryWhen` of the last failure has resolved. */
  #onRecovery(): void {
    this.#stopWaiting();
    this.retryNow({ skipDelay: true });
    if (this.#isNeeded()) return;
    this.#lastError = undefined;
    this.#onForgotten?.();
  }

  #nextDelay(): number {
    if (this.#succeedingFor > WORKING_AFTER) {
      // Opening it at once counts as the first retry in a row, if it is one.
      this.#consecutiveFailures ||= 1;
      return DELAYS[0]!;
    }
    return DELAYS[Math.min(this.#consecutiveFailures++, DELAYS.length - 1)]!;
  }

  /**
   * Waits until a source that is needed again may be opened.
   *
   * @throws The signal's reason, if it aborts first.
   */
  async waitForDelay(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.remaining > 0) {
      const sleeper = new AbortController();
      this.#sleepers.add(sleeper);
      try {
        await this.#clock.sleep(this.remaining, AbortSignal.any([signal, sleeper.signal]));
      } catch (error) {
        if (signal.aborted || !sleeper.signal.aborted) throw error;
        // The delay was shortened.
      } finally {
        this.#sleepers.delete(sleeper);
      }
    }
  }

  /**
   * Waits until a failed source may be opened again. After a permanent failure, waits for a request
   * first.
   *
   * @throws The signal's reason, if it aborts first.
   */
  async waitForRetry(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#lastError?.permanent) await unlessAborted(this.#retryRequested.promise, signal);
    await this.waitForDelay(signal);
  }
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: either, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  promise.then(resolve).finally(() => signal.removeEventListener("abort", onAbort));
  return either;
}
