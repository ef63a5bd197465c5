/**
 * The callbacks of each promise that is pending: they can be removed, the reactions of a promise
 * cannot.
 */
const pending = new WeakMap<Promise<void>, Set<() => void>>();

/**
 * Calls back when a promise is fulfilled, unless the result is disposed of before. After that, the
 * promise no longer refers to the callback: a promise that never settles does not leak memory.
 */
export function whenResolved(promise: Promise<void>, callback: () => void): Disposable {
  const callbacks = pending.get(promise) ?? waitFor(promise);
  const entry = () => callback();
  callbacks.add(entry);
  return { [Symbol.dispose]: () => void callbacks.delete(entry) };
}

function waitFor(promise: Promise<void>): Set<() => void> {
  const callbacks = new Set<() => void>();
  pending.set(promise, callbacks);
  const settle = () => {
    pending.delete(promise);
    const called = [...callbacks];
    callbacks.clear();
    return called;
  };
  promise.then(() => {
    for (const call of settle()) call();
  }, settle); // a rejected promise calls nothing
  return callbacks;
}
