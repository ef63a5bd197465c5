import type { Camera } from "../camera/camera.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/hub.ts";
import { LatestQueue } from "../hub/latest_queue.ts";

/** What a seat needs of its camera. */
export type FeedCamera = Pick<
  Camera,
  "name" | "join" | "leave" | "retryNow" | "countDropped" | "countDelivered"
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

  readonly role = "viewer";
  readonly #camera: FeedCamera;
  readonly #send: (frame: Frame) => number;
  readonly #onEnd: () => void;
  #joined = false;
  #inFlight: Frame | undefined;
  readonly #queue: LatestQueue<Frame>;

  constructor({ camera, send, onEnd }: LiveFeedOptions) {
    this.#camera = camera;
    this.#send = send;
    this.#onEnd = onEnd;
    this.#queue = new LatestQueue({ onDropped: () => camera.countDropped(this.role) });
  }

  /** Number of frames that the client was too slow to receive. */
  get dropped(): number {
    return this.#queue.dropped;
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
    this.#queue.clear();
    this.#camera.leave(this);
  }

  /** Called by the camera for each frame. */
  offer(frame: Frame): void {
    if (this.#inFlight) this.#queue.offer(frame);
    else this.#transmit(frame);
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
    this.#camera.countDelivered(frame, this.size);
    const next = this.#queue.take();
    if (next) this.#transmit(next);
  }

  #transmit(frame: Frame): void {
    this.#inFlight = frame;
    this.sent++;
    this.size = this.#send(frame);
  }
}
