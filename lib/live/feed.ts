import type { Camera } from "../camera/camera.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/hub.ts";
import { LatestQueue } from "../hub/latest_queue.ts";
import type { Transfers } from "./transfers.ts";

/** The part of a camera that a feed needs. */
export type FeedCamera = Pick<
  Camera,
  "name" | "latest" | "join" | "leave" | "retryNow" | "countDropped" | "countDelivered"
>;

/** Options of a {@link LiveFeed}. */
export interface LiveFeedOptions {
  camera: FeedCamera;
  /** Sends a frame. @returns Size of the message, in bytes. */
  send: (frame: Frame) => number;
  transfers: Transfers;
  /** Called by the camera when there will be no more frames. */
  onEnd: () => void;
}

/**
 * One client's subscription to one camera. At most one frame is in flight: when the client
 * acknowledges it, the newest frame follows. A client that never acknowledges gets one frame and
 * keeps only the newest one in memory.
 */
export class LiveFeed implements Subscriber<Frame> {
  /** Size of the last message sent, in bytes. */
  size = 0;
  /** Number of frames sent. */
  sent = 0;

  readonly role = "viewer";
  readonly #camera: FeedCamera;
  readonly #send: (frame: Frame) => number;
  readonly #transfers: Transfers;
  readonly #onEnd: () => void;
  #joined = false;
  #inFlight: Frame | undefined;
  /** Sequence number of the last frame that the client has already, from the recording. */
  #shownUntil = 0;
  readonly #queue: LatestQueue<Frame>;

  constructor({ camera, send, transfers, onEnd }: LiveFeedOptions) {
    this.#camera = camera;
    this.#send = send;
    this.#transfers = transfers;
    this.#onEnd = onEnd;
    this.#queue = new LatestQueue({ onDropped: () => camera.countDropped(this.role) });
  }

  /** Number of frames that the client was too slow to receive. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  /**
   * Joins the camera, and makes it retry after a permanent failure.
   *
   * @param skipDelay Whether to retry without a delay.
   * @param shownUntil Sequence number up to which the client has the frames already.
   */
  join(skipDelay = false, shownUntil = 0): void {
    if (!this.#joined) {
      this.#joined = true;
      this.#shownUntil = shownUntil;
      this.#camera.join(this);
    }
    this.#camera.retryNow({ skipDelay });
  }

  /** Leaves the camera. A frame in flight still has to be acknowledged. */
  leave(): void {
    this.#joined = false;
    this.#queue.clear();
    this.#camera.leave(this);
  }

  /** Called by the camera for each frame. */
  offer(frame: Frame): void {
    if (frame.sequence <= this.#shownUntil) return;
    if (this.#inFlight) this.#queue.offer(frame);
    else this.#transmit(frame);
  }

  /** Called by the camera when there will be no more frames. */
  end(): void {
    this.#joined = false;
    this.#onEnd();
  }

  /**
   * Takes the client's acknowledgement of a frame, and sends the next one. Ignores other sequence
   * numbers.
   */
  acknowledge(sequence: number): void {
    const frame = this.#inFlight;
    if (frame?.sequence !== sequence) return;
    this.#inFlight = undefined;
    this.#transfers.end(this);
    this.#camera.countDelivered(frame, this.size);
    const next = this.#queue.take();
    if (next) this.#transmit(next);
  }

  #transmit(frame: Frame): void {
    this.#inFlight = frame;
    this.sent++;
    this.size = this.#send(frame);
    this.#transfers.begin(this);
  }
}
