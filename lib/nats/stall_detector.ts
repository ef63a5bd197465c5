import { slowHint, stallTimeouts } from "../camera/stall.ts";
import { quote } from "../quote.ts";
import { type Beat, ORIGIN_TIMEOUT } from "./protocol.ts";
import type { Origin, PublishedCamera } from "./published_camera.ts";

/** Maximum time without a message of the origin, in milliseconds. */
const MAX_SILENCE = 5_000;
/** Maximum time for which all frames may be late, in milliseconds. */
const MAX_LATE = 10_000;
/** Time limit for the hub's answer to a ping, in milliseconds. */
const PING_TIMEOUT = 10_000;
/** Maximum time by which a slow link extends the timeouts, in milliseconds. */
const MAX_TRANSFER = 20_000;

/** What {@link StallDetector} examines. Times are by the monotonic clock, in milliseconds. */
export interface LinkState {
  readonly now: number;
  /** Time from which frames are expected. */
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

/** Detects that a link delivers no frames any more, and finds out why. */
export class StallDetector {
  #transfer = 0;
  #frameAt = -Infinity;
  #lateAt = -Infinity;
  #pingedAt = -Infinity;

  /** Maximum time that the latest frame took on its way, in milliseconds. */
  get transfer(): number {
    return this.#transfer;
  }

  /** Records a frame. @param transfer Maximum time that it took on its way, in milliseconds. */
  onFrame(now: number, transfer: number): void {
    this.#frameAt = now;
    this.#transfer = Math.max(0, Math.min(transfer, MAX_TRANSFER));
  }

  /** Records a frame that came too late. */
  onLate(now: number): void {
    this.#lateAt = now;
  }

  /** Records that the hub has answered a ping: what it had sent before that has arrived. */
  onPong(pingedAt: number): void {
    this.#pingedAt = pingedAt;
  }

  /** Forgets the frames of the former connection. */
  reset(): void {
    this.#frameAt = this.#lateAt = -Infinity;
  }

  /**
   * Returns why there are no frames; undefined if they are not overdue. "ping": what is missing may
   * still be on its way from the hub, which a ping shows; see {@link onPong}.
   */
  check(link: LinkState): Failure | "ping" | undefined {
    const { now, openedAt, camera } = link;
    const origin = link.origin ?? camera.current;
    const heardAt = Math.max(openedAt, origin?.heardAt ?? -Infinity);
    const silence = this.#checkDeadline(now, heardAt + MAX_SILENCE + this.#transfer);
    if (silence === "over") {
      return { message: `The origin of camera ${quote(camera.name)} does not answer` };
    }
    const hasHeard = camera.beatAt >= openedAt && now - camera.beatAt < ORIGIN_TIMEOUT;
    const beat = hasHeard ? origin?.beat : undefined;
    const stall = this.#checkFrames(link, beat);
    if (stall !== undefined) return stall;
    return silence === "no answer" ? { message: "The hub does not answer" } : silence;
  }

  #checkFrames(
    { now, openedAt, camera: { name }, fps: ownFps }: LinkState,
    beat: Beat | undefined,
  ): Failure | "ping" | undefined {
    const frameAt = Math.max(openedAt, this.#frameAt);
    if (beat?.state === "failed" && now - frameAt >= stallTimeouts().nextFrame + this.#transfer) {
      const reason = beat.error ? `: ${beat.error}` : "";
      return { message: `Camera ${quote(name)} has failed at its origin${reason}` };
    }
    // The origin knows how long a camera takes to start, and reports its failure.
    if (beat && beat.state !== "streaming") return undefined;
    if (this.#lateAt > frameAt && now - frameAt >= MAX_LATE + 3 * this.#transfer) {
      return { message: `The frames of camera ${quote(name)} come too late from the hub` };
    }
    const fps = Math.min(ownFps, beat?.fps || Infinity);
    const isKnown = Number.isFinite(fps);
    const isFirst = this.#frameAt < openedAt;
    const { firstFrame, nextFrame } = stallTimeouts(fps);
    const timeout = isFirst || !isKnown ? firstFrame : nextFrame + this.#transfer;
    const since = Math.max(frameAt, this.#lateAt);
    const dueAt = since + timeout;
    if (now < dueAt) return undefined;
    if (isFirst && this.#checkDeadline(now, dueAt) === "ping") return "ping";
    const seconds = Math.round((now - since) / 1000);
    const hint = isKnown ? undefined : slowHint(seconds);
    return { message: `No picture of camera ${quote(name)} from the hub for ${seconds} s`, hint };
  }

  /** Whether a time is over; "ping": something that was sent before may still be on its way. */
  #checkDeadline(now: number, time: number): "over" | "no answer" | "ping" | undefined {
    if (now < time) return undefined;
    if (this.#pingedAt >= time) return "over";
    return now - time >= PING_TIMEOUT ? "no answer" : "ping";
  }
}
