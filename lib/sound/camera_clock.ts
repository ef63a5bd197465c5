import type { Clock } from "../clock.ts";
import type { Frame } from "../frame.ts";

/** Weight of a frame in the smoothed offset. */
const WEIGHT = 0.05;
/** Deviation that is no jitter, in milliseconds: the clock was set, or the network was slow. */
const MAX_JITTER = 200;
/** Deviation of the wall clock that is no error of reading it, in milliseconds: it was set. */
const MAX_WALL_ERROR = 50;
/** Number of frames in a row with such a deviation after which it is adopted. */
const ENOUGH_FRAMES = 3;
/** Deviation that no network causes, in milliseconds. It is adopted at once. */
const CLOCK_SET = 5_000;

/**
 * Converts monotonic times to times of the clock that stamps a camera's frames: this machine's wall
 * clock, or that of the server from which the camera is relayed.
 */
export class CameraClock {
  readonly #frames: { readonly latest: Frame | undefined };
  readonly #clock: Clock;
  /** This machine's wall clock minus the monotonic clock. */
  #wall: number | undefined;
  /** The frames' clock minus the monotonic clock. */
  #offset: number | undefined;
  #sequence = -1;
  /** Number of frames in a row that deviate. */
  #deviating = 0;

  constructor(frames: { readonly latest: Frame | undefined }, clock: Clock) {
    this.#frames = frames;
    this.#clock = clock;
  }

  /** Converts a time of the monotonic clock. */
  at(monotonic: number): number {
    const offset = this.#followWall();
    const frame = this.#frames.latest;
    if (!frame || frame.sequence === this.#sequence) return monotonic + offset;
    this.#sequence = frame.sequence;
    this.#offset = this.#adjusted(offset, frame);
    return monotonic + this.#offset;
  }

  /** Follows this machine's wall clock, which may be set. @returns The offset. */
  #followWall(): number {
    const wall = this.#clock.now() - this.#clock.monotonic();
    const last = this.#wall ?? wall;
    const isSet = Math.abs(wall - last) > MAX_WALL_ERROR;
    this.#wall = isSet ? wall : last + (wall - last) * WEIGHT;
    const offset = this.#offset ?? this.#wall;
    // The clock of a relayed camera is another machine's.
    const isLocal = Math.abs(offset - last) < MAX_JITTER;
    if (isSet && isLocal) this.#offset = offset + wall - last;
    return this.#offset ?? this.#wall;
  }

  #adjusted(offset: number, { capturedAt, monotonic }: Frame): number {
    const deviation = capturedAt - monotonic - offset;
    if (Math.abs(deviation) <= MAX_JITTER) {
      this.#deviating = 0;
      return offset + deviation * WEIGHT;
    }
    const isSet = ++this.#deviating >= ENOUGH_FRAMES || Math.abs(deviation) >= CLOCK_SET;
    if (!isSet) return offset;
    this.#deviating = 0;
    return offset + deviation;
  }
}
