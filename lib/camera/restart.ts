import type { Source } from "../hub/source.ts";
import type { Backoff, RetryableError } from "./backoff.ts";

/** Options of {@link restarting}. */
export interface RestartOptions<E extends RetryableError> {
  /** Creates the failure of a source that has ended by itself. */
  onEnd: () => E;
  /** Converts an error that a source has thrown. */
  toFailure: (error: unknown) => E;
}

/** Opens a source again whenever it fails or ends, as `backoff` allows, until the signal aborts. */
export function restarting<T, E extends RetryableError>(
  source: Source<T>,
  backoff: Backoff<E>,
  { onEnd, toFailure }: RestartOptions<E>,
): Source<T> {
  return async (signal, push) => {
    // A new start counts as a request: it does not wait for one after a permanent failure.
    let allowed = await unaborted(backoff.waitForDelay(signal), signal);
    while (allowed) {
      backoff.start();
      try {
        await source(signal, (item) => {
          backoff.succeed();
          push(item);
        });
        if (!signal.aborted) backoff.fail(onEnd());
      } catch (error) {
        if (!signal.aborted) backoff.fail(toFailure(error));
      }
      allowed = await unaborted(backoff.waitForRetry(signal), signal);
    }
  };
}

/** Waits for `promise`. @returns False if it was rejected because `signal` has aborted. */
async function unaborted(promise: Promise<void>, signal: AbortSignal): Promise<boolean> {
  try {
    await promise;
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
