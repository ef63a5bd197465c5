import { slowHint } from "../camera/stall.ts";
import { quote } from "../quote.ts";
import { type Beat, ORIGIN_TIMEOUT } from "./protocol.ts";
import type { Origin, PublishedCamera } from "./published_camera.ts";

/** Maximum time until the first frame, and between two frames, in milliseconds. */
const FIRST_FRAME = 10_000, NEXT_FRAME = 3_000;
/** Frame intervals of a slow camera after which it is stalled, times the milliseconds of a second. */
const STALLED_INTERVALS = 8_000;
/** Maximum time without a sign of life of the origin, in milliseconds. */
const MAX_SILENCE = 5_000;
/** Maximum time for which all frames may be late, in milliseconds. */
const MAX_LATE = 10_000;
/** Maximum time in which the hub must answer, in milliseconds. */
const MAX_PROBE = 10_000;
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

/** Why there are no frames. */
export interface Failure {
  readonly message: string;
  readonly hint?: string;
}

/** Decides how long to wait for frames, and why there are none. */
export class Patience {
  #turn = 0;
  #frameAt = -Infinity;
  #lateAt = -Infinity;
  #answeredAt = -Infinity;

  /** Time that the latest frame took on its way, in milliseconds, at most. */
  get turn(): number {
    return this.#turn;
  }

  /** Records a frame. @param turn Time that it took on its way, at most. */
  onFrame(now: number, turn: number): void {
    this.#frameAt = now;
    this.#turn = Math.max(0, Math.min(turn, MAX_TURN));
  }

  /** Records a frame that came too late. */
  onLate(now: number): void {
    this.#lateAt = now;
  }

  /** Records that everything has arrived that the hub had for this server at `time`. */
  onAnswer(time: number): void {
    this.#answeredAt = time;
  }

  /** The connection is a new one. */
  reset(): void {
    this.#frameAt = -Infinity;
  }

  /**
   * Returns why the camera has failed, if it has. "unclear": what is missing may be on its way; see
   * {@link onAnswer}.
   */
  check(wait: Wait): Failure | "unclear" | undefined {
    const { now, openedAt, camera } = wait;
    const origin = wait.origin ?? camera.current;
    const heardAt = Math.max(openedAt, origin?.heardAt ?? -Infinity);
    const silence = this.#unlessUnderWay(now, heardAt + MAX_SILENCE + this.#turn);
    if (silence === "over") {
      return { message: `The origin of camera ${quote(camera.name)} does not answer` };
    }
    const hasHeard = camera.beatAt >= openedAt && now - camera.beatAt < ORIGIN_TIMEOUT;
    const beat = hasHeard ? origin?.beat : undefined;
    const stall = this.#checkStall(wait, beat);
    if (stall !== undefined) return stall;
    if (silence === "hub") return { message: "The hub does not answer" };
    return silence;
  }

  #checkStall(
    { now, openedAt, camera: { name }, fps: ownFps }: Wait,
    beat: Beat | undefined,
  ): Failure | "unclear" | undefined {
    const frameAt = Math.max(openedAt, this.#frameAt);
    if (beat?.state === "failed" && now - frameAt >= NEXT_FRAME + this.#turn) {
      const reason = beat.error ? `: ${beat.error}` : "";
      return { message: `Camera ${quote(name)} has failed at its origin${reason}` };
    }
    // The origin knows how long a camera takes to start, and reports its failure.
    if (beat && beat.state !== "streaming") return undefined;
    if (this.#lateAt > frameAt && now - frameAt >= MAX_LATE + 3 * this.#turn) {
      return { message: `The frames of camera ${quote(name)} come too late from the hub` };
    }
    const fps = Math.min(ownFps, beat?.fps || Infinity);
    const isKnown = Number.isFinite(fps);
    const isFirst = this.#frameAt < openedAt;
    const timeout = isFirst || !isKnown ? FIRST_FRAME : NEXT_FRAME + this.#turn;
    const since = Math.max(frameAt, this.#lateAt);
    const dueAt = since + Math.max(timeout, STALLED_INTERVALS / fps);
    const due = isFirst ? this.#unlessUnderWay(now, dueAt) : now >= dueAt ? "over" : undefined;
    if (due === undefined || due === "unclear") return due;
    const seconds = Math.round((now - since) / 1000);
    const hint = isKnown ? undefined : slowHint(seconds);
    return { message: `No picture of camera ${quote(name)} from the hub for ${seconds} s`, hint };
  }

  /** Whether `time` is over, and whether nothing is on its way from the hub since. */
  #unlessUnderWay(now: number, time: number): "over" | "hub" | "unclear" | undefined {
    if (now < time) return undefined;
    if (this.#answeredAt >= time) return "over";
    return now - time >= MAX_PROBE ? "hub" : "unclear";
  }
}
