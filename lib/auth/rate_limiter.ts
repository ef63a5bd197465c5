import type { Clock } from "../clock.ts";

/** Number of failed log-ins allowed in a burst. */
const BURST = 10;
/** Interval at which further failed log-ins are allowed, in milliseconds. */
const INTERVAL = 5_000;
/** Maximum number of networks whose failures are remembered. */
const MAX_NETWORKS = 10_000;

/** Limits failed log-ins per client network, by the generic cell rate algorithm (GCRA). */
export class RateLimiter {
  readonly #clock: Clock;
  /** When a network's failures are forgotten: GCRA's theoretical arrival time. Oldest first. */
  readonly #resetAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Counts an attempt as failed until {@link refund}, so that concurrent attempts cannot bypass the
   * limit.
   *
   * @returns How long the client must wait before an attempt, in milliseconds; 0 if the attempt is
   * allowed.
   */
  consume(address: string): number {
    const network = clientNetwork(address);
    const now = this.#clock.monotonic();
    const resetAt = Math.max(now, this.#resetAt.get(network) ?? 0);
    const wait = resetAt - now - (BURST - 1) * INTERVAL;
    if (wait > 0) return wait;
    this.#resetAt.set(network, resetAt + INTERVAL);
    if (this.#resetAt.size > MAX_NETWORKS) this.#evict(now);
    return 0;
  }

  /** Takes back an attempt that has succeeded. */
  refund(address: string): void {
    const network = clientNetwork(address);
    const resetAt = (this.#resetAt.get(network) ?? 0) - INTERVAL;
    if (resetAt > this.#clock.monotonic()) this.#resetAt.set(network, resetAt);
    else this.#resetAt.delete(network);
  }

  /** Removes networks without failures, then the oldest ones. */
  #evict(now: number): void {
    for (const [network, resetAt] of this.#resetAt) {
      if (resetAt <= now) this.#resetAt.delete(network);
    }
    for (const network of this.#resetAt.keys()) {
      if (this.#resetAt.size <= MAX_NETWORKS) return;
      this.#resetAt.delete(network);
    }
  }
}

/** Returns the network that one client controls: an IPv4 address or an IPv6 /64. */
export function clientNetwork(address: string): string {
  if (!address.includes(":")) return address;
  if (address.includes(".")) return address.slice(address.lastIndexOf(":") + 1); // ::ffff:192.0.2.1
  const [head = "", tail] = address.split("::");
  const groups = head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").length;
  const all = [...groups, ...Array(Math.max(0, missing)).fill("0"), ...(tail ?? "").split(":")];
  return all.slice(0, 4).map((group) => group || "0").join(":");
}
