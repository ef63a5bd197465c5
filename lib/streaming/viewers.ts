import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { HttpError } from "../http/errors.ts";

/** When it makes sense to come again where there are too many viewers, in seconds. */
const RETRY_AFTER = 10;

/** Options of {@link Viewers}. */
export interface ViewersOptions {
  /** How many there may be at once. */
  max?: number;
  clock: Clock;
  log: Log;
}

/** What is to be told of a viewer who has left. */
export interface ViewerSummary {
  /** Frames that it got. */
  frames: number;
  /** Frames that it was too slow to take. */
  dropped: number;
  /** Why it left, if not of its own will. */
  reason?: string;
}

/** A viewer's stay. */
export interface ViewerSession {
  /** Says in the log that the viewer is there: once it is known that there is something to see. */
  begin(): void;
  /** The viewer has left, and makes room for another one. A second call does nothing. */
  end(farewell: ViewerSummary): void;
}

/** Counts the viewers of all cameras, streams and players alike, and lets in no more than there may be. */
export class Viewers {
  readonly #max: number;
  readonly #clock: Clock;
  readonly #log: Log;
  #count = 0;

  constructor({ max = Infinity, clock, log }: ViewersOptions) {
    this.#max = max;
    this.#clock = clock;
    this.#log = log;
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** Looks whether there is room for another viewer. @throws {HttpError} 503 if there is none. */
  ensureCapacity(): void {
    if (this.#count < this.#max) return;
    throw new HttpError(503, `Cannot take another viewer: there are ${this.#count} already`, {
      "Retry-After": `${RETRY_AFTER}`,
    });
  }

  /**
   * Lets a viewer in.
   *
   * @param address Where it is.
   * @param cameras What it watches, by name.
   * @throws {HttpError} 503 if there are as many viewers as there may be.
   */
  admit(address: string, cameras: string): ViewerSession {
    this.ensureCapacity();
    this.#count++;
    const who = { camera: cameras, address };
    let begun: number | undefined;
    let ended = false;
    return {
      begin: () => {
        begun = this.#clock.monotonic();
        this.#log.info("viewer came", who);
      },
      end: (farewell) => {
        if (ended) return;
        ended = true;
        this.#count--;
        if (begun === undefined) return;
        const seconds = Math.round((this.#clock.monotonic() - begun) / 100) / 10;
        this.#log.info("viewer left", { ...who, seconds, ...farewell });
      },
    };
  }
}
