/** The callbacks of each promise: they can be removed, the reactions of a promise cannot. */
const callbacks = new WeakMap<Promise<void>, Set<() => void>>();

/**
 * Calls back when a promise is fulfilled, unless the result is disposed of before. Until then the
 * promise refers to the callback, afterwards no longer: a promise that never settles holds nothing.
 */
export function whenResolved(promise: Promise<void>, callback: () => void): Disposable {
  const known = callbacks.get(promise);
  const waiting = known ?? new Set();
  if (!known) {
    callbacks.set(promise, waiting);
    promise.then(() => {
      for (const call of [...waiting]) call();
    }, () => {}); // a rejected promise promises nothing
  }
  const entry = () => callback();
  waiting.add(entry);
  return { [Symbol.dispose]: () => void waiting.delete(entry) };
}
