/** Where time comes from. Tests pass one that moves when they say so. */
export interface Clock {
  /** Milliseconds since the Unix epoch. Jumps when somebody sets the machine's time. */
  now(): number;
  /** Milliseconds since some moment. Never jumps: for durations. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason if that aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    // A timer that is set for longer goes off at once.
    for (; ms > MAX_TIMEOUT; ms -= MAX_TIMEOUT) await delay(MAX_TIMEOUT, signal);
    await delay(Math.max(0, ms), signal); // Deno warns of a moment that has passed
  },
};

/** What a timer can be set for, in milliseconds: 24 days. */
const MAX_TIMEOUT = 2 ** 31 - 1;

function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Waits for `promise`, but no longer than `ms`.
 *
 * @returns Whether the promise settled in time. Its rejection is passed on.
 */
export async function settlesWithin(
  promise: Promise<unknown>,
  ms: number,
  clock: Clock = systemClock,
): Promise<boolean> {
  const timer = new AbortController();
  const late = clock.sleep(ms, timer.signal).then(() => false, () => false);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    timer.abort();
  }
}
