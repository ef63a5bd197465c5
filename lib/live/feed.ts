import type { Camera } from "../camera/camera.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/hub.ts";

/** What a seat needs of its camera. */
export type FeedCamera = Pick<
  Camera,
  "name" | "join" | "leave" | "retryNow" | "dropped" | "delivered"
>;

/** Options of a {@link LiveFeed}. */
export interface LiveFeedOptions {
  camera: FeedCamera;
  /** Sends a frame. @returns How many bytes that takes. */
  send: (frame: Frame) => number;
  /** Called by the camera when there will be no more frames. */
  onEnd: () => void;
}

/**
 * A client's place at one camera. There is never more than one frame on the way to the client: the next
 * one goes when that was acknowledged, and it is the newest one then. A client that never acknowledges
 * anything gets one frame, and keeps a hold on the newest one only.
 */
export class LiveFeed implements Subscriber<Frame> {
  /** How many bytes the frame takes that is on the way, or was the last one. */
  size = 0;
  /** Frames that were sent. */
  sent = 0;
  /** Frames that the client was too slow to get. */
  dropped = 0;

  readonly #camera: FeedCamera;
  readonly #send: (frame: Frame) => number;
  readonly #onEnd: () => void;
  #joined = false;
  #inFlight: Frame | undefined;
  #next: Frame | undefined;

  constructor({ camera, send, onEnd }: LiveFeedOptions) {
    this.#camera = camera;
    this.#send = send;
    this.#onEnd = onEnd;
  }

  /** Sits down, or up: a camera that waits to be asked before it tries again is asked. */
  join(): void {
    if (!this.#joined) {
      this.#joined = true;
      this.#camera.join(this);
    }
    this.#camera.retryNow();
  }

  /** Wants no more frames. What is on the way still has to be acknowledged. */
  leave(): void {
    this.#joined = false;
    this.#next = undefined;
    this.#camera.leave(this);
  }

  /** Called by the camera for each frame. */
  offer(frame: Frame): void {
    if (!this.#inFlight) return this.#transmit(frame);
    if (this.#next) {
      this.dropped++;
      this.#camera.dropped++;
    }
    this.#next = frame;
  }

  /** Called by the camera when there will be no more frames. */
  end(): void {
    this.#joined = false;
    this.#onEnd();
  }

  /** The client has the frame of that number. */
  acknowledge(sequence: number): void {
    const frame = this.#inFlight;
    if (frame?.sequence !== sequence) return;
    this.#inFlight = undefined;
    this.#camera.delivered(frame, this.size);
    const next = this.#next;
    this.#next = undefined;
    if (next) this.#transmit(next);
  }

  #transmit(frame: Frame): void {
    this.#inFlight = frame;
    this.sent++;
    this.size = this.#send(frame);
  }
}
