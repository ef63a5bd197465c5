/** Period that the rate is measured over, in seconds. */
const PERIOD = 60;

/** Measures how many bytes are written per second, over the last minute. */
export class WriteRate {
  /** Bytes of each second, by the second's remainder. */
  readonly #bytes = new Float64Array(PERIOD);
  #since: number | undefined;
  #second = 0;

  /** @param now On the monotonic clock, in milliseconds. */
  add(bytes: number, now: number): void {
    this.#since ??= now;
    this.#moveTo(now);
    this.#bytes[this.#second % PERIOD]! += bytes;
  }

  /** Bytes per second. @param now On the monotonic clock, in milliseconds. */
  at(now: number): number {
    if (this.#since === undefined) return 0;
    this.#moveTo(now);
    const seconds = Math.min(Math.max((now - this.#since) / 1000, 1), PERIOD);
    return Math.round(this.#bytes.reduce((sum, bytes) => sum + bytes) / seconds);
  }

  /** Clears the seconds that have passed since the last call. */
  #moveTo(now: number): void {
    const second = Math.floor(now / 1000);
    const from = Math.max(this.#second + 1, second - PERIOD + 1);
    for (let i = from; i <= second; i++) this.#bytes[i % PERIOD] = 0;
    this.#second = Math.max(this.#second, second);
  }
}
