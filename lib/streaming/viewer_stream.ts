import type { Bytes } from "../bytes.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/hub.ts";
import { LatestQueue } from "../hub/latest_queue.ts";
import type { MultipartFormat } from "../multipart/encode.ts";
import type { FrameStream } from "./keep_alive.ts";

/** Sends bytes to a client, bypassing the stream. */
export interface DirectSender {
  /** Waits until the response's headers are sent. Until then, enqueue and send nothing. */
  headersSent(): Promise<void>;
  /** Whether bytes can be sent directly; {@link drained} means nothing otherwise. */
  readonly isOpen: boolean;
  /** Whether everything enqueued in the stream has been sent; {@link send} is allowed only then. */
  readonly drained: boolean;
  /** Calls back once, when everything enqueued has been sent. */
  onDrain(call: () => void): void;
  /** Sends as many bytes as the kernel accepts at once. @returns Their number. */
  send(bytes: Bytes): number;
  /** Reports that this number of bytes is being enqueued in the stream. */
  queued(count: number): void;
}

/** Options of a {@link ViewerStream}. */
export interface ViewerStreamOptions {
  format: MultipartFormat;
  /** Decides whether this viewer gets a frame; see `limitFps`. @default {all frames} */
  wanted?: (frame: Frame) => boolean;
  /** Sends as many bytes as possible at once; the stream gets the rest. */
  direct?: DirectSender;
  /** Called when the client has received a new frame, with its size on the wire in bytes. */
  onDelivered?: (frame: Frame, bytes: number) => void;
  /** Called for each frame that the client was too slow to receive. */
  onDropped?: () => void;
  /** Called once, when the client has disconnected or there are no more frames. */
  onEnd: () => void;
}

/**
 * The response body for one viewer. The latest frame wins: while the client is receiving a frame,
 * newer ones replace each other, so that at most one shared frame is queued.
 *
 * A frame costs one `enqueue` or one call of a {@link DirectSender} per viewer: no promise, timer,
 * clock call or copy.
 */
export class ViewerStream implements Subscriber<Frame>, FrameStream {
  readonly role = "viewer";
  /** The body, for a `Response`. */
  readonly stream: ReadableStream<Bytes>;
  /** Number of frames sent, including repeated frames. */
  sent = 0;
  /** Monotonic time of the last frame sent, in milliseconds: its arrival, or its repetition. */
  lastSentAt = 0;
  /** Why the server disconnected the viewer; undefined if it did not. */
  endReason: string | undefined;

  readonly #options: ViewerStreamOptions;
  readonly #format: MultipartFormat;
  readonly #direct: DirectSender | undefined;
  readonly #queue: LatestQueue<Frame>;
  #controller!: ReadableStreamDefaultController<Bytes>;
  /** The new frame that the client is receiving, and its size in bytes. */
  #inFlight: Frame | undefined;
  #size = 0;
  /** The frame whose bytes Deno is sending. */
  #enqueued: Frame | undefined;
  #blockedSince: number | undefined;
  #opened = false;
  /** Whether the stream has taken everything that was enqueued. */
  #pulling = false;
  #ended = false;
  #ready: PromiseWithResolvers<void> | undefined;

  constructor(options: ViewerStreamOptions) {
    this.#options = options;
    this.#format = options.format;
    this.#direct = options.direct;
    this.#queue = new LatestQueue({ onDropped: options.onDropped });
    // With a highWaterMark of 1, a slow client would receive each frame one frame interval later.
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
    if (this.#ended) return;
    const { wanted } = this.#options;
    if (wanted && !wanted(frame)) return;
    if (this.#isReady()) this.#send(frame);
    else this.#queue.offer(frame);
  }

  /** Whether the frame waits to be sent, or Deno may still read its bytes. */
  holds(frame: Frame): boolean {
    // Only a direct sender knows when Deno has sent what is enqueued.
    if (!this.#direct?.isOpen) return true;
    return frame === this.#enqueued || this.#queue.has(frame);
  }

  /**
   * Waits until a frame would be sent at once, or the stream has ended. For sources that choose the
   * next frame when the client is ready for it.
   */
  whenReady(): Promise<void> {
    if (this.#ended || this.#isIdle()) return Promise.resolve();
    this.#ready ??= Promise.withResolvers();
    return this.#ready.promise;
  }

  /** Sends a frame again, unless the client is still receiving one. @param now Monotonic time. */
  repeat(frame: Frame, now: number): void {
    if (this.#ended || !this.#isReady()) return;
    this.#write(frame);
    this.lastSentAt = now;
  }

  /**
   * Returns for how long the client has been receiving the same bytes, in milliseconds, counted
   * from the first call; undefined if it has received everything.
   *
   * @param now Monotonic time.
   */
  blockedFor(now: number): number | undefined {
    if (this.#isReady()) return undefined;
    this.#blockedSince ??= now;
    return now - this.#blockedSince;
  }

  /** Ends the stream on the server's initiative. */
  disconnect(reason: string): void {
    this.endReason = reason;
    this.end();
  }

  /** Called by the hub when there will be no more frames. */
  end(): void {
    if (this.#ended) return;
    this.#controller.close();
    this.#end();
  }

  /** Sends the bytes that precede the first frame. */
  #open(): void {
    if (this.#ended) return;
    this.#opened = true;
    if (this.#writeBytes(this.#format.opening)) this.#onPull();
  }

  /** The stream has taken everything; a direct sender knows whether it is also sent. */
  #onPull(): void {
    this.#pulling = true;
    if (this.#direct && !this.#direct.drained) this.#direct.onDrain(() => this.#onDrain());
    else this.#onDrain();
  }

  /** The client has received everything. */
  #onDrain(): void {
    this.#blockedSince = undefined;
    this.#enqueued = undefined;
    this.#delivered();
    if (this.#queue.size > 0 && this.#isReady()) this.#send(this.#queue.take()!);
    if (this.#ready && this.#isIdle()) this.#resolveReady();
  }

  #isIdle(): boolean {
    return this.#queue.size === 0 && this.#isReady();
  }

  #resolveReady(): void {
    this.#ready?.resolve();
    this.#ready = undefined;
  }

  /** Whether the client has received everything. */
  #isReady(): boolean {
    return this.#pulling && (this.#direct?.drained ?? true);
  }

  #send(frame: Frame): void {
    // A queued frame may be older than the last repetition.
    if (frame.monotonic > this.lastSentAt) this.lastSentAt = frame.monotonic;
    this.#write(frame, frame);
  }

  /** @param inFlight The frame to report as delivered afterwards. */
  #write(frame: Frame, inFlight?: Frame): void {
    this.#delivered();
    this.#queue.clear(); // it is older
    this.sent++;
    this.#inFlight = inFlight;
    const part = this.#format.part(frame);
    this.#size = part.length;
    if (this.#writeBytes(part)) this.#delivered();
    else this.#enqueued = frame;
  }

  /** @returns Whether all bytes were sent at once. The others are in the stream. */
  #writeBytes(bytes: Bytes): boolean {
    const sent = this.#direct?.send(bytes) ?? 0;
    if (sent === bytes.length) return true;
    this.#pulling = false;
    this.#direct?.queued(bytes.length - sent);
    this.#controller.enqueue(sent === 0 ? bytes : bytes.subarray(sent));
    return false;
  }

  /** Reports the frame in flight as delivered. */
  #delivered(): void {
    const frame = this.#inFlight;
    if (!frame) return;
    this.#inFlight = undefined;
    this.#options.onDelivered?.(frame, this.#size);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#resolveReady();
    this.#options.onEnd();
  }
}
