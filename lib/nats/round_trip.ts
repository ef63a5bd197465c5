import type { Clock } from "../clock.ts";
import type { Bus } from "./bus.ts";

/** Time for which a measurement counts, in milliseconds. */
const WINDOW = 60_000;

/** Measures the round-trip time to the hub: the least of a minute, as an answer can be delayed. */
export class RoundTrip {
  readonly #bus: Bus;
  readonly #clock: Clock;
  #least: number | undefined;
  #since = 0;
  #pending: symbol | undefined;

  constructor(bus: Bus, clock: Clock) {
    this.#bus = bus;
    this.#clock = clock;
  }

  /** In milliseconds; undefined if it was not measured yet. */
  get ms(): number | undefined {
    return this.#least;
  }

  /** Measures it. To be called while the link is idle. */
  measure(): void {
    if (this.#pending) return;
    const pending = this.#pending = Symbol();
    const begun = this.#clock.monotonic();
    this.#bus.flush().then((answered) => {
      if (this.#pending !== pending) return;
      this.#pending = undefined;
      if (answered) this.#add(this.#clock.monotonic() - begun);
    });
  }

  /** Forgets all measurements: the connection is a new one. */
  reset(): void {
    this.#least = undefined;
    this.#pending = undefined;
  }

  #add(ms: number): void {
    const now = this.#clock.monotonic();
    if (this.#least !== undefined && now - this.#since < WINDOW) {
      this.#least = Math.min(this.#least, ms);
    } else {
      this.#least = ms;
      this.#since = now;
    }
  }
}
