import type { Clock } from "../clock.ts";

/** Options of {@link withTimeout}. */
export interface Timeout {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Time limit in milliseconds. */
  readonly ms: number;
  /** Creates the error for an action that exceeds the limit. */
  readonly error: () => Error;
}

/**
 * Runs an action with a signal that aborts with the given signal, or when the time limit is
 * exceeded.
 */
export async function withTimeout<T>(
  { signal, clock, ms, error }: Timeout,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const timer = new AbortController();
  const abort = () => controller.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  clock.sleep(ms, timer.signal).then(() => controller.abort(error()), () => {});
  try {
    return await action(controller.signal);
  } finally {
    timer.abort();
    signal.removeEventListener("abort", abort);
  }
}
