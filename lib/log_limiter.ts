import type { Clock } from "./clock.ts";

/** Interval in which lines are counted, and duration of a suspension, in milliseconds. */
const INTERVAL = 60_000;
/** Maximum number of keys that are counted at a time. */
const MAX_KEYS = 1_000;

/** Options of a {@link LogLimiter}. */
export interface LogLimiterOptions {
  clock: Clock;
  /** Maximum number of lines for one key in a minute. */
  maxLines: number;
  /** Called when a key reaches the limit. @param seconds Duration of its suspension, in seconds. */
  onSuspend: (key: string, seconds: number) => void;
  /**
   * Called when the suspension has ended.
   *
   * @param suppressed Number of lines that were suppressed.
   */
  onResume: (key: string, suppressed: number) => void;
}

/**
 * Limits the log lines that one cause can produce, such as a camera or a client: after the maximum
 * number of lines in a minute, its lines are suppressed for a minute.
 */
export class LogLimiter implements Disposable {
  readonly #options: LogLimiterOptions;
  /** Lines of the current interval, by key. Oldest first. */
  readonly #counts = new Map<string, Count>();
  readonly #disposed = new AbortController();

  constructor(options: LogLimiterOptions) {
    this.#options = options;
  }

  /** Counts a line. @returns Whether it may be written. */
  allow(key: string): boolean {
    const count = this.#countOf(key);
    if (count.lines < this.#options.maxLines) {
      count.lines++;
      return true;
    }
    if (count.suppressed++ === 0) {
      this.#options.onSuspend(key, INTERVAL / 1000);
      this.#resumeLater(key, count).catch(() => {}); // aborted by dispose
    }
    return false;
  }

  /** Ends all suspensions, without calling `onResume`. */
  [Symbol.dispose](): void {
    this.#disposed.abort();
    this.#counts.clear();
  }

  #countOf(key: string): Count {
    const now = this.#options.clock.monotonic();
    const current = this.#counts.get(key);
    if (current && (current.suppressed > 0 || now < current.since + INTERVAL)) return current;
    const count = { since: now, lines: 0, suppressed: 0 };
    this.#counts.delete(key);
    this.#counts.set(key, count);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > MAX_KEYS) this.#counts.delete(oldest!);
    return count;
  }

  async #resumeLater(key: string, count: Count): Promise<void> {
    await this.#options.clock.sleep(INTERVAL, this.#disposed.signal);
    if (this.#counts.get(key) === count) this.#counts.delete(key);
    this.#options.onResume(key, count.suppressed);
  }
}

interface Count {
  /** Start of the interval, by the monotonic clock, in milliseconds. */
  readonly since: number;
  lines: number;
  suppressed: number;
}
