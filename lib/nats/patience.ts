import { slowHint } from "../camera/stall.ts";
import { quote } from "../quote.ts";
import { ORIGIN_TIMEOUT } from "./protocol.ts";
import type { Origin, PublishedCamera } from "./published_camera.ts";

/** Maximum time until the first frame, and between two frames, in milliseconds. */
const FIRST_FRAME = 10_000, NEXT_FRAME = 3_000;
/** Number of frame intervals of a slow camera after which it is stalled, in milliseconds. */
const STALLED_INTERVALS = 8_000;
/** Maximum time without a sign of life of the origin, in milliseconds. */
const MAX_SILENCE = 5_000;
/** Maximum time by which a slow link extends the timeouts, in milliseconds. */
const MAX_TURN = 20_000;

/** What {@link Patience} examines. Times are by the monotonic clock, in milliseconds. */
export interface Wait {
  readonly now: number;
  /** Since when frames are expected. */
  readonly openedAt: number;
  readonly camera: PublishedCamera;
  /** The origin whose frames are received, if it is known. */
  readonly origin: Origin | undefined;
  /** Frame rate that the user has set; otherwise `Infinity`. */
  readonly fps: number;
}

/** Decides how long to wait for frames, and why there are none. */
export class Patience {
  #turn = 0;
  #frameAt = -Infinity;
  #lateAt = -Infinity;

  /** Time that the latest frame took on its way, in milliseconds, at most. */
  get turn(): number {
    return this.#turn;
  }

  /** Records a frame. */
  onFrame(now: number, turn: number): void {
    this.#frameAt = now;
    this.#turn = Math.max(0, Math.min(turn, MAX_TURN));
  }

  /** Records a frame that came too late. */
  onLate(now: number): void {
    this.#lateAt = now;
  }

  /** The connection is a new one. */
  reset(): void {
    this.#frameAt = -Infinity;
  }

  /** Returns why the camera has failed, if it has. */
  check(wait: Wait): { message: string; hint?: string } | undefined {
    const { now, openedAt, camera } = wait;
    const { current, name } = camera;
    const origin = wait.origin ?? current;
    const silence = now - Math.max(openedAt, origin?.heardAt ?? -Infinity);
    if (silence >= MAX_SILENCE + this.#turn) {
      return { message: `The origin of camera ${quote(name)} does not answer` };
    }
    const hasHeard = camera.beatAt >= openedAt && now - camera.beatAt < ORIGIN_TIMEOUT;
    const beat = hasHeard ? origin?.beat : undefined;
    const pause = now - Math.max(openedAt, this.#frameAt);
    if (beat?.state === "failed" && pause >= NEXT_FRAME + this.#turn) {
      const reason = beat.error ? `: ${beat.error}` : "";
      return { message: `Camera ${quote(name)} has failed at its origin${reason}` };
    }
    // The origin knows how long a camera takes to start, and reports its failure.
    if (beat && beat.state !== "streaming") return undefined;
    const fps = Math.min(wait.fps, beat?.fps || Infinity);
    const isKnown = Number.isFinite(fps);
    const timeout = this.#frameAt < openedAt || !isKnown ? FIRST_FRAME : NEXT_FRAME + this.#turn;
    if (pause < Math.max(timeout, STALLED_INTERVALS / fps)) return undefined;
    const seconds = Math.round(pause / 1000);
    if (this.#lateAt > Math.max(openedAt, this.#frameAt)) {
      return { message: `The frames of camera ${quote(name)} come too late from the hub` };
    }
    const hint = isKnown ? undefined : slowHint(seconds);
    return { message: `No picture of camera ${quote(name)} from the hub for ${seconds} s`, hint };
  }
}
