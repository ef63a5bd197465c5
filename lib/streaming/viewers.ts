import type { Clock } from "../clock.ts";
import { RequestError } from "../errors.ts";
import type { Fields, Log } from "../log.ts";
import { LogLimiter } from "../log_limiter.ts";

/**
 * Maximum number of log lines per client and minute. Behind a proxy, all viewers are one client.
 */
const MAX_LINES = 300;

/** The viewer limit is reached. */
export class TooManyViewers extends RequestError {
  override name = "TooManyViewers";

  constructor(limit: number) {
    super(`Too many viewers: the limit of ${limit} is reached`, { retryAfter: 10_000 });
  }
}

/** Options of {@link Viewers}. */
export interface ViewersOptions {
  /** Maximum number of viewers at a time. @default {Infinity} */
  max?: number;
  clock: Clock;
  log: Log;
}

/** Log fields of a viewer that has disconnected. */
export interface ViewerSummary {
  /** Number of frames sent. */
  frames?: number;
  /** Number of packets of sound sent. */
  packets?: number;
  /** Number of frames, or of packets without frames, that the viewer was too slow to receive. */
  dropped: number;
  /** Number of packets that a viewer of pictures with sound was too slow to receive. */
  soundDropped?: number;
  /** Why the server disconnected the viewer, if it did. */
  reason?: string;
}

/** An admitted viewer. */
export interface ViewerSession {
  /** Logs that the viewer has connected. Call it once the camera delivers frames. */
  start(): void;
  /** Logs that the viewer has disconnected, and stops counting it. Further calls do nothing. */
  end(summary: ViewerSummary): void;
}

/**
 * Counts the viewers of all cameras, of streams and live players, and limits their number. The
 * number of log lines per client is limited, see {@link LogLimiter}: a client can reconnect in a
 * loop.
 */
export class Viewers {
  readonly #max: number;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #logLimiter: LogLimiter;
  #count = 0;

  constructor({ max = Infinity, clock, log }: ViewersOptions) {
    this.#max = max;
    this.#clock = clock;
    this.#log = log;
    this.#logLimiter = new LogLimiter({
      clock,
      maxLines: MAX_LINES,
      onSuspend: (address, seconds) => log.warn("viewer events not logged", { address, seconds }),
      onResume: (address, suppressed) =>
        log.info("viewer events logged again", { address, suppressed }),
    });
  }

  /** Current number of viewers. */
  get count(): number {
    return this.#count;
  }

  /** Checks that another viewer can be admitted. @throws {TooManyViewers} If not. */
  ensureCapacity(): void {
    if (this.#count >= this.#max) throw new TooManyViewers(this.#max);
  }

  /**
   * Admits and counts a viewer.
   *
   * @param address The client's IP address.
   * @param cameras The names of the cameras that it watches.
   * @param options.client What the log calls it: a listener receives sound without pictures.
   * @throws {TooManyViewers} If the limit is reached.
   */
  admit(
    address: string,
    cameras: string,
    { client = "viewer" }: { client?: "viewer" | "listener" } = {},
  ): ViewerSession {
    this.ensureCapacity();
    this.#count++;
    const fields = { camera: cameras, address };
    let startedAt: number | undefined;
    let ended = false;
    return {
      start: () => {
        startedAt = this.#clock.monotonic();
        this.#logEvent(`${client} connected`, fields);
      },
      end: (summary) => {
        if (ended) return;
        ended = true;
        this.#count--;
        if (startedAt === undefined) return;
        const seconds = Math.round((this.#clock.monotonic() - startedAt) / 100) / 10;
        this.#logEvent(`${client} disconnected`, { ...fields, seconds, ...summary });
      },
    };
  }

  #logEvent(event: string, fields: Fields & { address: string }): void {
    if (this.#logLimiter.allow(fields.address)) this.#log.info(event, fields);
  }
}
