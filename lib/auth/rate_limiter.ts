import type { Clock } from "../clock.ts";

/** So many log-ins may fail at once; after that, */
const BURST = 10;
/** one in this time, in milliseconds. */
const INTERVAL = 5_000;
/** So many addresses are remembered. */
const MAX_NETWORKS = 10_000;

/** Slows down who tries passwords: counts an address's failed log-ins, and forgets one every few seconds. */
export class RateLimiter {
  readonly #clock: Clock;
  /** When an address's last failure will be forgotten, in the order in which the addresses came. */
  readonly #resetAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Counts an attempt as failed in advance: many at once are no way around.
   *
   * @returns How long the address has to wait before it may try, in milliseconds; 0: it may now.
   */
  consume(address: string): number {
    const network = clientNetwork(address);
    const now = this.#clock.monotonic();
    const forgottenAt = Math.max(now, this.#resetAt.get(network) ?? 0);
    const wait = forgottenAt - now - (BURST - 1) * INTERVAL;
    if (wait > 0) return wait;
    this.#resetAt.set(network, forgottenAt + INTERVAL);
    if (this.#resetAt.size > MAX_NETWORKS) this.#evict(now);
    return 0;
  }

  /** An attempt that was begun has succeeded, so it does not count. */
  refund(address: string): void {
    const network = clientNetwork(address);
    const forgottenAt = (this.#resetAt.get(network) ?? 0) - INTERVAL;
    if (forgottenAt > this.#clock.monotonic()) this.#resetAt.set(network, forgottenAt);
    else this.#resetAt.delete(network);
  }

  #evict(now: number): void {
    for (const [network, forgottenAt] of this.#resetAt) {
      if (forgottenAt <= now) this.#resetAt.delete(network);
    }
    for (const network of this.#resetAt.keys()) {
      if (this.#resetAt.size <= MAX_NETWORKS) return;
      this.#resetAt.delete(network);
    }
  }
}

/** What one person has: an IPv4 address, or the first half of an IPv6 address. */
function clientNetwork(address: string): string {
  if (!address.includes(":")) return address;
  if (address.includes(".")) return address.slice(address.lastIndexOf(":") + 1); // ::ffff:192.0.2.1
  const [head = "", tail] = address.split("::");
  const groups = head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").length;
  const all = [...groups, ...Array(Math.max(0, missing)).fill("0"), ...(tail ?? "").split(":")];
  return all.slice(0, 4).map((group) => group || "0").join(":");
}
