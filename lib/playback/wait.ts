import type { Clock } from "../clock.ts";

/** A wait that can be ended early. */
export class Wait {
  readonly #clock: Clock;
  #woken = false;
  #waiting: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins a round: a {@link wake} from now on ends its wait, also before the wait begins. */
  begin(): void {
    this.#woken = false;
  }

  /** Waits, at most this number of milliseconds. @param ms Rounded up. @default {Infinity} */
  async until(ms = Infinity): Promise<void> {
    if (this.#woken) return;
    const waiting = this.#waiting = new AbortController();
    try {
      if (ms === Infinity) await aborted(waiting.signal);
      else await this.#clock.sleep(Math.ceil(ms), waiting.signal);
    } catch {
      // woken
    } finally {
      this.#waiting = undefined;
    }
  }

  /** Ends the wait, or the next one of this round. */
  wake(): void {
    this.#woken = true;
    this.#waiting?.abort();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}
