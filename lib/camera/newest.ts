import { LatestQueue } from "../hub/latest_queue.ts";

/**
 * Reads a source without waiting for the reader of the result: a reader that is slower than the
 * source gets the newest item. When it ends before the source, the source must be ended, too.
 *
 * @param onSkipped Called for each item that a newer one has replaced.
 */
export async function* newest<T>(
  source: AsyncIterator<T>,
  onSkipped: () => void,
): AsyncGenerator<T> {
  const waiting = new LatestQueue<T>({ onDropped: onSkipped });
  let arrival = Promise.withResolvers<void>();
  let hasEnded = false;
  const reading = (async () => {
    try {
      for (let next; !(next = await source.next()).done;) {
        waiting.offer(next.value);
        arrival.resolve();
      }
    } finally {
      hasEnded = true;
      arrival.resolve();
    }
  })();
  reading.catch(() => {}); // awaited at the end
  for (;;) {
    if (waiting.size > 0) yield waiting.take()!;
    else if (hasEnded) break;
    else {
      await arrival.promise;
      arrival = Promise.withResolvers();
    }
  }
  await reading;
}
