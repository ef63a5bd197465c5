import type { Bytes } from "../bytes.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/hub.ts";
import { LatestQueue } from "../hub/latest_queue.ts";
import type { MultipartFormat } from "../multipart/encode.ts";

/** A way to a client that is shorter than the stream. */
export interface DirectSender {
  /** Waits until the response's head is sent: only then may something be given to the stream. */
  headersSent(): Promise<void>;
  /** Whether nothing of the stream's is on its way any more: only then may something be sent. */
  readonly drained: boolean;
  /** Calls back, once, when it is free again. */
  onDrain(call: () => void): void;
  /** @returns How many of the bytes were sent, from the first on. */
  send(bytes: Bytes): number;
  /** The stream is given so many bytes. */
  queued(count: number): void;
}

/** Options of a {@link ViewerStream}. */
export interface ViewerStreamOptions {
  format: MultipartFormat;
  /** Whether this viewer is to have a frame; without it, all. See `thin`. */
  wanted?: (frame: Frame) => boolean;
  /** For what can be sent at once; the stream takes the rest. */
  direct?: DirectSender;
  /** Called when the client has taken a frame, with the bytes that it took; not for one sent again. */
  onDelivered?: (frame: Frame, bytes: number) => void;
  /** Called when the client was too slow to take a frame. */
  onDropped?: () => void;
  /** Called once: the client went away, or there are no more frames. */
  onEnd: () => void;
}

/**
 * The body of one viewer's stream. The newest frame wins: while the client has not taken the last one,
 * newer ones replace each other, so nothing is queued here beside one shared frame.
 *
 * A frame costs a viewer one `enqueue`, or one call of a {@link DirectSender}: no promise, timer or copy of
 * its own.
 */
export class ViewerStream implements Subscriber<Frame> {
  readonly role = "viewer";
  /** The bytes, for a `Response`. */
  readonly stream: ReadableStream<Bytes>;
  /** Frames that were sent, and sent again. */
  sent = 0;
  /** How often {@link keepAlive} was called since the client last got something, or is still taking it. */
  quiet = 0;
  /** How often {@link keepAlive} was called while the client has been taking the same bytes. */
  stalled = 0;

  readonly #format: MultipartFormat;
  readonly #wanted: ((frame: Frame) => boolean) | undefined;
  readonly #direct: DirectSender | undefined;
  readonly #onTaken: ViewerStreamOptions["onDelivered"];
  readonly #queue: LatestQueue<Frame>;
  readonly #onEnd: () => void;
  #controller!: ReadableStreamDefaultController<Bytes>;
  #sending: Frame | undefined;
  #size = 0;
  #opened = false;
  #pulling = false;
  #ended = false;

  constructor(options: ViewerStreamOptions) {
    this.#format = options.format;
    this.#wanted = options.wanted;
    this.#direct = options.direct;
    this.#onTaken = options.onDelivered;
    this.#queue = new LatestQueue({ onDropped: options.onDropped });
    this.#onEnd = options.onEnd;
    // With a highWaterMark of 1 a slow client would get each frame one frame's time later.
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
        if (!this.#direct) this.#open();
      },
      pull: () => {
        if (this.#opened) this.#onPull();
        else this.#direct!.headersSent().then(() => this.#open());
      },
      cancel: () => this.#end(),
    }, { highWaterMark: 0 });
  }

  /** Number of frames that the client was too slow to receive. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  /** Called by the hub for each frame. */
  offer(frame: Frame): void {
    if (this.#ended || this.#wanted && !this.#wanted(frame)) return;
    if (this.#isReady()) this.#send(frame);
    else this.#queue.offer(frame);
  }

  /**
   * Sends the picture again that `last` gives if this is the `after`th call without anything sent.
   * A client that is still taking a frame is not sent another one.
   */
  keepAlive(after: number, last: () => Frame | undefined): void {
    if (this.#ended) return;
    if (!this.#isReady()) return void this.stalled++;
    if (++this.quiet < after) return;
    const frame = last();
    if (!frame) return;
    this.#send(frame, true);
  }

  /** Called by the hub when there will be no more frames. */
  end(): void {
    if (this.#ended) return;
    this.#controller.close();
    this.#end();
  }

  /** Sends what comes before the first frame. */
  #open(): void {
    if (this.#ended) return;
    this.#opened = true;
    if (this.#write(this.#format.opening)) this.#onPull();
  }

  /** The stream has taken all; what of it is still on its way, a direct sender knows. */
  #onPull(): void {
    this.#pulling = true;
    if (this.#direct && !this.#direct.drained) this.#direct.onDrain(() => this.#onDrain());
    else this.#onDrain();
  }

  /** The client has taken all. */
  #onDrain(): void {
    this.stalled = 0;
    this.#delivered();
    if (this.#queue.size > 0 && this.#isReady()) this.#send(this.#queue.take()!);
  }

  /** Whether the client has taken all. */
  #isReady(): boolean {
    return this.#pulling && (this.#direct?.drained ?? true);
  }

  #send(frame: Frame, again = false): void {
    this.#delivered();
    this.#queue.clear(); // an older one: this is the newest
    this.quiet = 0;
    this.sent++;
    this.#sending = again ? undefined : frame;
    const part = this.#format.part(frame);
    this.#size = part.length;
    if (this.#write(part)) this.#delivered();
  }

  /** @returns Whether the bytes were sent; if not, the stream has those that were not. */
  #write(bytes: Bytes): boolean {
    const sent = this.#direct?.send(bytes) ?? 0;
    if (sent === bytes.length) return true;
    this.#pulling = false;
    this.#direct?.queued(bytes.length - sent);
    this.#controller.enqueue(sent === 0 ? bytes : bytes.subarray(sent));
    return false;
  }

  /** What was sent last has been taken. */
  #delivered(): void {
    const frame = this.#sending;
    if (!frame) return;
    this.#sending = undefined;
    this.#onTaken?.(frame, this.#size);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
  }
}
