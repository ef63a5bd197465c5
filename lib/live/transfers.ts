/** Number of the last frames whose transfer times count. */
const FRAMES = 5;

/**
 * How long frames take to one client: from sending to the acknowledgement, in milliseconds of a
 * monotonic clock.
 */
export class Transfers {
  readonly #monotonic: () => number;
  /** When each transfer in progress began. */
  readonly #sentAt = new Map<unknown, number>();
  /** Transfer times of the last frames. */
  #times: number[] = [];

  /** @param monotonic Returns the time. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Whether a frame has not been acknowledged yet. */
  get inFlight(): boolean {
    return this.#sentAt.size > 0;
  }

  /** Median of the last transfer times, so that a stall does not count; 0 before the first one. */
  get typical(): number {
    return this.#times.toSorted((a, b) => a - b)[this.#times.length >> 1] ?? 0;
  }

  /** Returns how long a transfer has been in progress; 0 if it is not. */
  age(transfer: unknown): number {
    const sentAt = this.#sentAt.get(transfer);
    return sentAt === undefined ? 0 : this.#monotonic() - sentAt;
  }

  /** Notes that a frame was sent. @param transfer Identifies the transfer. */
  begin(transfer: unknown): void {
    this.#sentAt.set(transfer, this.#monotonic());
  }

  /** Notes that a frame was acknowledged. @returns The transfer time; undefined if it is unknown. */
  end(transfer: unknown): number | undefined {
    if (!this.#sentAt.has(transfer)) return;
    const time = this.age(transfer);
    this.#sentAt.delete(transfer);
    this.#times.push(time);
    if (this.#times.length > FRAMES) this.#times.shift();
    return time;
  }

  /** Forgets a transfer: nobody waits for its end any more. */
  forget(transfer: unknown): void {
    this.#sentAt.delete(transfer);
  }
}
