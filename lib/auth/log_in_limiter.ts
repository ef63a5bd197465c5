import type { Clock } from "../clock.ts";
import { clientNetwork, RateLimiter } from "./rate_limiter.ts";

/** Maximum number of networks whose successful log-ins are remembered. */
const MAX_KNOWN_NETWORKS = 1_000;
/** Maximum number of wrong credentials remembered for each network. */
const MAX_WRONG_CREDENTIALS = 20;

/**
 * Limits failed log-ins per client network, without locking out a client that has logged in from
 * there before: several clients share the address of a NAT or a proxy, and one of them may repeat
 * an outdated password forever.
 *
 * Two limits apply. The first one limits failed attempts; above it, only a network with a
 * successful log-in is still served, and only with correct credentials. This alone would allow
 * unlimited guesses. So the second one limits different wrong credentials; above it, correct
 * credentials are rejected, too. Repeated wrong credentials reveal nothing, and do not count as
 * guesses.
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
   * @param isCorrect Whether the credentials are correct.
   * @returns Time until the client may get the result, in milliseconds; 0 if it may get it now.
   */
  attempt(address: string, digest: string, isCorrect: boolean): number {
    const network = clientNetwork(address);
    const wrong = this.#known.get(network);
    const isRepeated = wrong?.has(digest) ?? false;
    const guessDelay = isRepeated ? 0 : this.#guesses.consume(network);
    if (guessDelay > 0) return guessDelay;
    const delay = this.#attempts.consume(network);
    if (isCorrect && (delay === 0 || wrong)) {
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
