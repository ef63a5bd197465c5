/** Number of the last frames whose transfer times count. */
const FRAMES = 5;

/**
 * How long frames take to one client: from sending to the acknowledgement, in milliseconds of a
 * monotonic clock.
 */
export class Transfers {
  readonly #monotonic: () => number;
  /** When the frame in flight of each feed was sent. */
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

  /** Notes that a feed has sent a frame. */
  begin(feed: unknown): void {
    this.#sentAt.set(feed, this.#monotonic());
  }

  /** Notes that the frame of a feed was acknowledged. */
  end(feed: unknown): void {
    const sentAt = this.#sentAt.get(feed);
    if (sentAt === undefined) return;
    this.#sentAt.delete(feed);
    this.#times.push(this.#monotonic() - sentAt);
    if (this.#times.length > FRAMES) this.#times.shift();
  }

  /** Forgets the frame of a feed that has ended. */
  forget(feed: unknown): void {
    this.#sentAt.delete(feed);
  }
}
