import type { Clock } from "../clock.ts";
import { clientNetwork, RateLimiter } from "./rate_limiter.ts";

/** Maximum number of networks whose successful log-ins are remembered. */
const MAX_KNOWN_NETWORKS = 1_000;
/** Maximum number of wrong credentials remembered for each of them. */
const MAX_WRONG_CREDENTIALS = 20;

/**
 * Limits failed log-ins per client network, without locking out a client that has logged in from
 * there before: several clients share the address of a NAT or a proxy, and one of them may repeat
 * an outdated password forever.
 *
 * Two limits apply. Failed attempts have the first; above it, only a network with a successful
 * log-in is still served, and only if the credentials are right. That would answer unlimited
 * guesses, so different wrong credentials have the second limit, above which right credentials are
 * refused as well. To repeat wrong credentials reveals nothing, and does not count as a guess.
 */
export class LogInLimiter {
  readonly #attempts: RateLimiter;
  readonly #guesses: RateLimiter;
  /**
   * Digests of recent wrong credentials, for each network with a successful log-in. Oldest first.
   */
  readonly #known = new Map<string, Set<string>>();

  constructor(clock: Clock) {
    this.#attempts = new RateLimiter(clock);
    this.#guesses = new RateLimiter(clock);
  }

  /**
   * Records an attempt to log in. Synchronous, so that concurrent attempts cannot bypass the
   * limits.
   *
   * @param address The client's IP address.
   * @param digest A digest of the credentials.
   * @param isRight Whether the credentials are right.
   * @returns How long the client must wait before it learns that, in milliseconds; 0 if it may.
   */
  attempt(address: string, digest: string, isRight: boolean): number {
    const network = clientNetwork(address);
    const wrong = this.#known.get(network);
    const isRepeated = wrong?.has(digest) ?? false;
    const guessDelay = isRepeated ? 0 : this.#guesses.consume(network);
    if (guessDelay > 0) return guessDelay;
    const delay = this.#attempts.consume(network);
    if (isRight && (delay === 0 || wrong)) {
      this.#guesses.refund(network);
      if (delay === 0) this.#attempts.refund(network);
      this.#remember(network, wrong);
      return 0;
    }
    if (wrong) addNewest(wrong, digest);
    else if (delay > 0) this.#guesses.refund(network); // the client learns nothing
    return delay;
  }

  #remember(network: string, wrong = new Set<string>()): void {
    this.#known.delete(network);
    this.#known.set(network, wrong);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN_NETWORKS) this.#known.delete(oldest!);
  }
}

function addNewest(digests: Set<string>, digest: string): void {
  digests.delete(digest);
  digests.add(digest);
  const [oldest] = digests;
  if (digests.size > MAX_WRONG_CREDENTIALS) digests.delete(oldest!);
}
