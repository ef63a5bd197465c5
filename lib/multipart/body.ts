import type { Bytes, Frame } from "../frame.ts";
import type { MultipartFormat } from "./encode.ts";

/** Options of a {@link MultipartBody}. */
export interface MultipartBodyOptions {
  format: MultipartFormat;
  /** Whether this viewer is to have a frame; without it, all. See `thin`. */
  wanted?: (frame: Frame) => boolean;
  /** Called once: the client went away, or there are no more frames. */
  onEnd: () => void;
}

/**
 * The body of one viewer's stream. The newest frame wins: while the client has not taken the last one,
 * newer ones replace each other, so nothing is queued here beside one shared frame.
 *
 * A frame costs a viewer one `enqueue`: no promise, timer or copy of its own.
 */
export class MultipartBody {
  /** The bytes, for a `Response`. */
  readonly stream: ReadableStream<Bytes>;
  /** Frames that were sent, and sent again. */
  sent = 0;
  /** Frames that the client was too slow to take. */
  dropped = 0;
  /** How often {@link keepAlive} was called since the client last got something, or is still taking it. */
  quiet = 0;

  readonly #format: MultipartFormat;
  readonly #wanted: ((frame: Frame) => boolean) | undefined;
  readonly #onEnd: () => void;
  #controller!: ReadableStreamDefaultController<Bytes>;
  #next: Frame | undefined;
  #pulling = false;
  #ended = false;

  constructor({ format, wanted, onEnd }: MultipartBodyOptions) {
    this.#format = format;
    this.#wanted = wanted;
    this.#onEnd = onEnd;
    // With a highWaterMark of 1 a slow client would get each frame one frame's time later.
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
        controller.enqueue(format.opening);
      },
      pull: () => {
        this.#pulling = true;
        if (this.#next) this.#send(this.#next);
      },
      cancel: () => this.#end(),
    }, { highWaterMark: 0 });
  }

  /** Called by the hub for each frame. */
  offer(frame: Frame): void {
    if (this.#ended || this.#wanted && !this.#wanted(frame)) return;
    if (this.#pulling) return this.#send(frame);
    if (this.#next) this.dropped++;
    this.#next = frame;
  }

  /**
   * Sends the picture again that `last` gives if this is the `after`th call without anything sent.
   * A client that is still taking a frame is not sent another one.
   */
  keepAlive(after: number, last: () => Frame | undefined): void {
    if (this.#ended || !this.#pulling || ++this.quiet < after) return;
    const frame = last();
    if (frame) this.#send(frame);
  }

  /** Called by the hub when there will be no more frames. */
  end(): void {
    if (this.#ended) return;
    this.#controller.close();
    this.#end();
  }

  #send(frame: Frame): void {
    this.#pulling = false;
    this.#next = undefined;
    this.quiet = 0;
    this.sent++;
    this.#controller.enqueue(this.#format.part(frame));
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
  }
}
