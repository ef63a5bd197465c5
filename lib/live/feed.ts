import type { Frame } from "../frame.ts";
import { LatestQueue } from "../hub/latest_queue.ts";
import type { FeedCamera } from "./feed_camera.ts";
import { SendWindow } from "./send_window.ts";
import { type OpenFeed, SizedSource } from "./sized_source.ts";
import type { Transfers } from "./transfers.ts";

/** Options of a {@link LiveFeed}. */
export interface LiveFeedOptions {
  camera: FeedCamera;
  /** Opens the pictures of another height; undefined: there are only the camera's own. */
  openFeed?: OpenFeed;
  /** Sends a frame. @returns Size of the message, in bytes. */
  send: (frame: Frame) => number;
  /** Whether the camera's last message has left this process. */
  hasLeft: () => boolean;
  transfers: Transfers;
  /** Returns the time, in milliseconds. */
  monotonic: () => number;
  /** Called by the camera when there will be no more frames. */
  onEnd: () => void;
  /** Called when a size is not available: the camera's own pictures follow. */
  onSizeError?: (height: number, error: unknown) => void;
}

/** A frame that was sent and not acknowledged yet. */
interface FrameInFlight {
  readonly frame: Frame;
  readonly feed: FeedCamera;
  /** Size of its message, in bytes. */
  readonly size: number;
  /** The window's generation when it was sent. */
  readonly generation: number;
}

/**
 * One client's subscription to one camera, in the size that the client has selected. A frame is sent
 * when the client has acknowledged the previous one; on a link with a long round trip, some more
 * frames may be in flight: see {@link SendWindow}. A client that never acknowledges gets one frame
 * and keeps only the newest one in memory.
 */
export class LiveFeed {
  /** Number of frames sent. */
  sent = 0;

  readonly #options: LiveFeedOptions;
  readonly #source: SizedSource;
  readonly #transfers: Transfers;
  readonly #window = new SendWindow();
  /** By their sequence numbers, in the order of sending. */
  readonly #inFlight = new Map<number, FrameInFlight>();
  readonly #queue: LatestQueue<Frame>;
  /** Sequence number of the last frame that was sent, or that the client has from the recording. */
  #shownUntil = 0;
  /** Sizes of the last two messages, in bytes. */
  #sizes = [0, 0];

  constructor(options: LiveFeedOptions) {
    const { camera, openFeed, monotonic, onEnd, onSizeError = () => {} } = options;
    this.#options = options;
    this.#transfers = options.transfers;
    this.#queue = new LatestQueue({ onDropped: () => this.#source.feed.countDropped("viewer") });
    this.#source = new SizedSource({
      ...{ camera, openFeed, monotonic, onEnd, onSizeError },
      onFrame: (frame) => this.#offer(frame),
      holds: (frame) => this.#queue.has(frame), // a message has a copy of its frame
      onSwitch: () => this.#onSwitch(),
    });
  }

  /** Number of frames that the client was too slow to receive. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  /** Size of the largest message that may still wait for the client, in bytes. */
  get size(): number {
    return Math.max(...this.#sizes, ...this.#inFlight.values().map(({ size }) => size));
  }

  /**
   * Selects the height of the pictures from now on; undefined: the camera's own pictures. Frames of
   * the previous size follow until there is one of the new size.
   */
  select(height: number | undefined): void {
    this.#source.select(height);
  }

  /**
   * Joins the camera, and makes it retry after a permanent failure.
   *
   * @param skipDelay Whether to retry without a delay.
   * @param shownUntil Sequence number up to which the client has the frames already.
   */
  join(skipDelay = false, shownUntil = 0): void {
    if (!this.#source.joined) {
      this.#shownUntil = shownUntil;
      this.#source.join();
    }
    this.#options.camera.retryNow({ skipDelay });
  }

  /** Leaves the camera. Frames in flight still have to be acknowledged. */
  leave(): void {
    this.#queue.clear();
    this.#source.leave();
  }

  /** Leaves the camera, and forgets the frames in flight. */
  end(): void {
    this.leave();
    for (const sent of this.#inFlight.values()) this.#transfers.forget(sent);
    this.#inFlight.clear();
  }

  /** Shows the camera's own pictures if those of the selected size have failed. */
  check(): void {
    this.#source.check();
  }

  /**
   * Takes the client's acknowledgement of a frame, and sends the next one. Ignores other sequence
   * numbers.
   */
  acknowledge(sequence: number): void {
    const sent = this.#inFlight.get(sequence);
    if (!sent) return;
    this.#inFlight.delete(sequence);
    const time = this.#transfers.end(sent)!;
    this.#window.add(time, sent.generation, this.#options.monotonic());
    sent.feed.countDelivered(sent.frame, sent.size);
    this.#sendNext();
  }

  #offer(frame: Frame): void {
    if (frame.sequence <= this.#shownUntil) return; // a frame of another size, which is older
    this.#queue.offer(frame);
    this.#sendNext();
  }

  /** Sends the frame that waits, if there is one and it may be sent now. */
  #sendNext(): void {
    if (this.#queue.first && this.#maySend(this.#queue.first)) this.#transmit(this.#queue.take()!);
  }

  #maySend(frame: Frame): boolean {
    const [oldest] = this.#inFlight.values();
    if (!oldest) return true;
    // A frame that is offered again, after the camera was left and joined.
    if (this.#inFlight.has(frame.sequence) || !this.#options.hasLeft()) return false;
    if (this.#window.admits(this.#inFlight.size, this.#transfers.age(oldest))) return true;
    this.#window.limit();
    return false;
  }

  #transmit(frame: Frame): void {
    this.#shownUntil = frame.sequence;
    this.sent++;
    const size = this.#options.send(frame);
    this.#sizes = [this.#sizes[1]!, size];
    const { feed } = this.#source;
    const sent = { frame, feed, size, generation: this.#window.generation };
    this.#inFlight.set(frame.sequence, sent);
    this.#transfers.begin(sent);
  }

  #onSwitch(): void {
    this.#queue.clear();
    this.#window.reset();
  }
}
