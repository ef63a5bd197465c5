/** A source of time. Tests pass one that they advance by hand. */
export interface Clock {
  /** Wall clock: milliseconds since the Unix epoch. Jumps when the machine's time is set. */
  now(): number;
  /** Monotonic clock: milliseconds since an arbitrary moment. For durations. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason if that aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    // `setTimeout` fires immediately for longer delays.
    for (; ms > MAX_TIMEOUT; ms -= MAX_TIMEOUT) await delay(MAX_TIMEOUT, signal);
    await delay(Math.max(0, ms), signal); // Deno warns of a negative delay
  },
};

/** Maximum delay of `setTimeout`, in milliseconds: 24 days. */
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
 * Waits for `promise` for at most `ms` milliseconds.
 *
 * @returns Whether the promise was fulfilled in time.
 * @throws The reason of the promise, if it is rejected in time.
 */
export async function settlesWithin(
  promise: Promise<unknown>,
  ms: number,
  clock: Clock = systemClock,
): Promise<boolean> {
  const timer = new AbortController();
  const expired = clock.sleep(ms, timer.signal).then(() => false, () => false);
  try {
    return await Promise.race([promise.then(() => true), expired]);
  } finally {
    timer.abort();
  }
}
