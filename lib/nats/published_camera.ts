import { Baseline, LateFrames } from "./lateness.ts";
import { type Beat, ORIGIN_TIMEOUT } from "./protocol.ts";

/** Maximum number of origins of one name that are remembered. */
const MAX_ORIGINS = 4;
/** Time without a message after which an origin is replaced by another one, in milliseconds. */
export const FAILOVER_TIMEOUT = 3_000;
/** Time for which two origins must overlap to be two, in milliseconds: one may have restarted. */
const OVERLAP = 1_000;

/** An origin that publishes a camera. Times are by this server's monotonic clock. */
export interface Origin {
  readonly epoch: number;
  readonly baseline: Baseline;
  readonly firstHeardAt: number;
  /** Time of its latest beat or frame. */
  heardAt: number;
  beat: Beat | undefined;
}

/** What this edge knows of a camera of one name at the hub. */
export class PublishedCamera {
  readonly name: string;
  /** Kept from one reception of the camera to the next: what is usual depends on the network. */
  readonly lateFrames = new LateFrames();
  /** Time of the latest beat, by this server's monotonic clock. */
  beatAt = -Infinity;
  /** Time until which this server has received the camera, or has tried to. */
  followedUntil = -Infinity;
  /** Time of the latest log line about a second origin. */
  reportedAt = -Infinity;
  readonly #origins = new Map<number, Origin>();
  #current: Origin | undefined;
  #recovered: PromiseWithResolvers<void> | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** The origin that this edge follows. */
  get current(): Origin | undefined {
    return this.#current;
  }

  /**
   * Resolves when a retry promises success: with the next beat of an origin whose camera has not
   * failed, or when there is a connection to the hub again.
   */
  recovered(): Promise<void> {
    return (this.#recovered ??= Promise.withResolvers()).promise;
  }

  /** Resolves {@link recovered}. */
  recover(): void {
    this.#recovered?.resolve();
    this.#recovered = undefined;
  }

  /** Records a frame or a beat of an origin. */
  recordMessage(epoch: number, now: number): Origin {
    let origin = this.#origins.get(epoch);
    if (!origin) {
      origin = {
        epoch,
        baseline: new Baseline(),
        firstHeardAt: now,
        heardAt: now,
        beat: undefined,
      };
      this.#forgetOldest();
      this.#origins.set(epoch, origin);
    }
    origin.heardAt = now;
    if (!this.#current || now - this.#current.heardAt >= FAILOVER_TIMEOUT) this.#current = origin;
    return origin;
  }

  /** Records a beat. */
  recordBeat(beat: Beat, now: number): void {
    const origin = this.recordMessage(beat.epoch, now);
    origin.beat = beat;
    origin.baseline.addBeat(now - beat.monotonic, now);
    this.beatAt = now;
    if (beat.gone) this.#remove(origin, now);
    else if (beat.state !== "failed") this.recover();
  }

  /** Follows another origin. */
  follow(origin: Origin): void {
    this.#current = origin;
  }

  /** Records that no origin answers. They may return. */
  forgetOrigins(): void {
    for (const origin of this.#origins.values()) origin.heardAt = -Infinity;
    this.#current = undefined;
  }

  /** Returns the origin that was heard last, if that was after `since`. */
  latestOrigin(since: number, except: Origin): Origin | undefined {
    return [...this.#origins.values()]
      .filter((origin) => origin !== except && origin.heardAt > since)
      .sort((a, b) => b.heardAt - a.heardAt)[0];
  }

  /** Whether two origins publish a camera of this name. */
  isDuplicate(now: number): boolean {
    const alive = [...this.#origins.values()].filter(({ heardAt }) =>
      now - heardAt < ORIGIN_TIMEOUT
    );
    return alive.some((one) =>
      alive.some((other) =>
        one !== other && one.firstHeardAt <= other.firstHeardAt &&
        one.heardAt > other.firstHeardAt + OVERLAP
      )
    );
  }

  #remove(origin: Origin, now: number): void {
    this.#origins.delete(origin.epoch);
    const other = this.latestOrigin(now - ORIGIN_TIMEOUT, origin);
    if (this.#current === origin) this.#current = other;
    if (!other) this.beatAt = -Infinity;
  }

  #forgetOldest(): void {
    if (this.#origins.size < MAX_ORIGINS) return;
    const [oldest] = [...this.#origins.values()].filter((origin) => origin !== this.#current)
      .sort((a, b) => a.heardAt - b.heardAt);
    this.#origins.delete(oldest!.epoch);
  }
}
