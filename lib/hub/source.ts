/** Starts an iteration. It must end soon after `signal` aborts. */
export type Open<T> = (signal: AbortSignal) => AsyncIterable<T>;

/**
 * Starts a source, which calls `push` for each of its items. The promise settles when the source has
 * ended, soon after `signal` aborts at the latest, and rejects if the source has failed.
 *
 * At 30 frames per second, all code runs cold: a chain of these functions takes less CPU time for
 * each frame than a chain of async generators.
 */
export type Source<T> = (signal: AbortSignal, push: (item: T) => void) => Promise<void>;

/** Makes a source of an async iterable, whose items after the abort of the signal are discarded. */
export function pushing<T>(open: Open<T>): Source<T> {
  return async (signal, push) => {
    for await (const item of open(signal)) {
      if (signal.aborted) return;
      push(item);
    }
  };
}
