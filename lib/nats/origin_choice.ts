import { FAILOVER_TIMEOUT, type Origin, type PublishedCamera } from "./published_camera.ts";

/** Minimum time without frames of an origin after which it can have been restarted, in milliseconds. */
const RESTART_PAUSE = 500;

/** What an edge receives. Times are by the monotonic clock, in milliseconds. */
export interface Reception {
  readonly now: number;
  /** Time of the latest frame, late or not. */
  readonly arrivedAt: number;
  /** Interval between two frames of the camera; 0 if it is unknown. */
  readonly interval: number;
  /** Time that a frame takes on its way. */
  readonly transfer: number;
}

/**
 * Chooses the origin from which a camera is received: the first one, until it is silent or has been
 * restarted. Other origins of the same name are ignored.
 */
export class OriginChoice {
  readonly #camera: PublishedCamera;
  #current: Origin | undefined;

  constructor(camera: PublishedCamera, now: number) {
    this.#camera = camera;
    if (camera.isDuplicate(now)) this.#current = camera.current; // until then the first one
  }

  /** The origin that was chosen. */
  get current(): Origin | undefined {
    return this.#current;
  }

  /** Chooses an origin. */
  follow(origin: Origin): void {
    this.#current = origin;
    this.#camera.follow(origin);
  }

  /** Forgets all origins, as none answers. */
  clear(): void {
    this.#camera.forgetOrigins();
    this.#current = undefined;
  }

  /** Whether an origin may replace the chosen one. */
  allows(origin: Origin, { now, arrivedAt, interval, transfer }: Reception): boolean {
    if (!this.#current) return true;
    const { epoch, heardAt } = this.#current;
    if (now - heardAt >= FAILOVER_TIMEOUT + transfer) return true;
    // A restarted origin begins when the former one has ended.
    const hasRestarted = origin.epoch > epoch && origin.firstHeardAt > heardAt;
    const pause = Math.max(RESTART_PAUSE, 3 * interval) + transfer;
    return hasRestarted && now - Math.max(heardAt, arrivedAt) >= pause;
  }

  /** Returns another origin that may replace the chosen one now. */
  alternative(reception: Reception): Origin | undefined {
    const since = reception.now - FAILOVER_TIMEOUT;
    const other = this.#current && this.#camera.latestOrigin(since, this.#current);
    return other && this.allows(other, reception) ? other : undefined;
  }
}
