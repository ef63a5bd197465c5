import type { Open, Source } from "../lib/hub/source.ts";

/** Makes an async iterable of a source. Its items wait until they are read; its end ends the source. */
export function iterating<T>(source: Source<T>): Open<T> {
  return async function* (signal) {
    const items: T[] = [];
    let wake = Promise.withResolvers<void>();
    const ending = new AbortController();
    let hasEnded = false;
    const running = source(AbortSignal.any([signal, ending.signal]), (item) => {
      items.push(item);
      wake.resolve();
    }).finally(() => {
      hasEnded = true;
      wake.resolve();
    });
    running.catch(() => {}); // awaited below
    try {
      for (;;) {
        while (items.length > 0) yield items.shift()!;
        if (hasEnded) break;
        await wake.promise;
        wake = Promise.withResolvers();
      }
    } finally {
      ending.abort();
      await running;
    }
  };
}
