import { type Clock, settlesWithin } from "../clock.ts";
import { CameraError } from "../errors.ts";
import type { Events } from "../events.ts";
import type { Frame } from "../frame.ts";
import { releaseFrameBuffer } from "../frame_buffers.ts";
import { Hub, type Role, type Subscriber } from "../hub/hub.ts";
import type { Source } from "../hub/source.ts";
import type { Subscription, SubscriptionOptions } from "../hub/subscription.ts";
import type { Size } from "../jpeg/segments.ts";
import { Backoff, type RetryOptions } from "./backoff.ts";
import { DeliveryStats } from "./delivery_stats.ts";
import type { OpenImages } from "./driver.ts";
import { edited } from "./edited.ts";
import type { CameraEvent } from "./events.ts";
import { FirstFrame } from "./first_frame.ts";
import { FrameRate } from "./frame_rate.ts";
import { BrokenImages, normalize, type NormalizedImage } from "./normalize.ts";
import type { PictureEdit } from "./picture_edit.ts";
import { restarting } from "./restart.ts";
import { stalling, type StallTimeouts, stallTimeouts } from "./stall.ts";
import type { CameraState, CameraStats } from "./stats.ts";

/** Time limit for a stalled source to report the reason, in milliseconds. */
const STOP_TIMEOUT = 2_500;

/** Options of a {@link Camera}. */
export interface CameraOptions {
  name: string;
  /** Name of its driver. */
  driver: string;
  open: OpenImages;
  /** What is changed in its pictures. @default {nothing} */
  edit?: PictureEdit;
  /** Requested frames per second, if known. */
  fps?: number;
  /** See `CameraDriver.captureDelay`. @default {0} */
  captureDelay?: number;
  /**
   * How long the camera keeps running after its last viewer, in milliseconds. `Infinity` also
   * starts it at once.
   */
  idleTimeout: number;
  clock: Clock;
  events: Pick<Events<CameraEvent>, "emit">;
}

/**
 * Options of {@link Camera.subscribe}. The role is required, so that no module counts as a viewer
 * by mistake.
 */
export type CameraSubscriptionOptions =
  & Omit<SubscriptionOptions, "onDropped" | "role">
  & Required<Pick<SubscriptionOptions, "role">>;

/**
 * A camera as its subscribers see it: it runs while a subscriber needs it, restarts after a
 * failure, and delivers the same frames to all subscribers.
 */
export class Camera implements AsyncDisposable {
  readonly name: string;
  readonly driver: string;
  /** Estimate of the time from the light to the frame's arrival, in milliseconds. */
  readonly captureDelay: number;
  /** See {@link CameraOptions.idleTimeout}. */
  readonly idleTimeout: number;
  /** What is changed in its pictures. */
  readonly edit: PictureEdit | undefined;

  readonly #clock: Clock;
  readonly #events: Pick<Events<CameraEvent>, "emit">;
  readonly #hub: Hub<Frame>;
  readonly #backoff: Backoff<CameraError>;
  readonly #timeouts: StallTimeouts;
  readonly #firstFrame: FirstFrame;
  readonly #rate = new FrameRate();
  readonly #broken = new BrokenImages();
  readonly #edits = { refused: 0, skipped: 0 };
  readonly #sent = new DeliveryStats();
  readonly #dropped: Record<Role, number> = { viewer: 0, background: 0 };
  /** Sequence number of the last frame. */
  #sequence = 0;
  #frames = 0;
  #size: Size | undefined;
  #lastFailure: CameraError | undefined;
  #failingSince: number | undefined;
  #recovering = false;
  /** Resolves at the next failure. */
  #failed = Promise.withResolvers<void>();
  #closed: CameraError | undefined;

  constructor(options: CameraOptions) {
    const { name, driver, open, edit, fps, captureDelay = 0, idleTimeout, clock, events } = options;
    this.name = name;
    this.driver = driver;
    this.captureDelay = captureDelay;
    this.idleTimeout = idleTimeout;
    this.edit = edit;
    this.#clock = clock;
    this.#events = events;
    this.#timeouts = stallTimeouts(fps);
    this.#firstFrame = new FirstFrame(clock);
    this.#backoff = new Backoff({
      clock,
      onFailure: (error, delay) => this.#onFailure(error, delay),
      isNeeded: () => this.#hub.running,
      onForgotten: () => this.#failingSince = undefined,
    });
    const images = this.#edited(normalize(open, { clock, broken: this.#broken }));
    const explain = () => this.#broken.explain();
    const source = restarting(
      stalling(images, { clock, explain, ...this.#timeouts }),
      this.#backoff,
      {
        onEnd: () => new CameraError("The camera's stream ended"),
        toFailure: toCameraError,
      },
    );
    const onReleased = ({ jpeg }: Frame) => releaseFrameBuffer(jpeg);
    this.#hub = new Hub(this.#stamp(source), { clock, idleTimeout, onReleased });
    if (idleTimeout === Infinity) this.#hub.start();
  }

  /** The latest frame, while frames are flowing. */
  get latest(): Frame | undefined {
    return this.#hub.latest;
  }

  /** Size of the last frame, even if frames no longer flow. */
  get size(): Size | undefined {
    return this.#size;
  }

  /** Sequence number of the last frame; 0 before the first one. */
  get sequence(): number {
    return this.#sequence;
  }

  /**
   * Gives later frames higher sequence numbers than `sequence`, for viewers that have received frames
   * with such numbers from another source of the camera.
   */
  advanceSequence(sequence: number): void {
    this.#sequence = Math.max(this.#sequence, sequence);
  }

  /** Why there are no frames; undefined while frames are flowing or the camera is off. */
  get error(): CameraError | undefined {
    return this.#backoff.lastError;
  }

  /** How long a client should wait before retrying, in milliseconds. */
  get retryAfter(): number {
    return this.#backoff.remaining;
  }

  /** Requests frames for a client: retries even a permanent failure. */
  retryNow(options?: RetryOptions): void {
    this.#backoff.retryNow(options);
  }

  /** Adds a subscriber and offers it the latest frame. */
  join(subscriber: Subscriber<Frame>): void {
    this.#hub.join(subscriber);
  }

  /** Removes a subscriber. */
  leave(subscriber: Subscriber<Frame>): void {
    this.#hub.leave(subscriber);
  }

  /**
   * Creates a subscription: an async iterator of frames, which joins when it is first read. A slow
   * reader gets the newest frame; with a `depth`, it gets the newest frames up to that number.
   */
  subscribe(options: CameraSubscriptionOptions): Subscription<Frame> {
    const onDropped = () => this.countDropped(options.role);
    return this.#hub.subscribe({ ...options, onDropped });
  }

  /**
   * Waits until the camera delivers frames. A subscriber must have joined it.
   *
   * @throws {CameraError} If it delivers no frames: immediately during back-off, otherwise after
   * the first-frame timeout.
   */
  async ready(): Promise<void> {
    if (this.#closed) throw this.#closed;
    if (this.#hub.hasLatest) return;
    if (this.error && this.retryAfter > 0) throw this.error;
    this.#backoff.retryNow();
    if (!await this.#firstFrame.wait(this.#timeouts.firstFrame)) throw await this.#timeoutError();
  }

  /**
   * Waits for a frame captured after this call, or returns one that is at most `maxAge`
   * milliseconds old.
   *
   * The clock of a relayed camera may differ from this machine's, so the time of arrival decides.
   * The first new frame is skipped if its capture time is too old, the second one is not.
   *
   * @throws {CameraError} If no such frame arrives in time.
   */
  async frame(maxAge = 0): Promise<Frame> {
    const earliestArrival = this.#clock.monotonic() - maxAge;
    const earliestCapture = this.#clock.now() - maxAge;
    const { latest } = this;
    if (latest && latest.monotonic >= earliestArrival) return latest;
    const seen = this.#sequence;
    using viewer = this.subscribe({ role: "viewer" });
    const found = (async () => {
      for await (const frame of viewer) {
        const isNew = frame.sequence > seen && frame.monotonic >= earliestArrival;
        const isSecond = frame.sequence > seen + 1;
        if (isNew && (isSecond || frame.capturedAt >= earliestCapture)) return frame;
      }
      throw this.#closed ?? new CameraError(CLOSED);
    })();
    found.catch(() => {}); // not awaited if ready() throws
    await this.ready();
    const timeout = this.#timeouts.firstFrame;
    if (!await settlesWithin(found, timeout, this.#clock)) throw await this.#timeoutError();
    return await found;
  }

  /** Counts a frame that a subscriber was too slow to receive. */
  countDropped(role: Role): void {
    this.#dropped[role]++;
  }

  /** Counts a frame that a viewer has received. @param bytes Its size on the wire. */
  countDelivered({ capturedAt }: Frame, bytes: number): void {
    this.#sent.add(bytes, this.#clock.now() - capturedAt);
  }

  /** Returns the camera's state and counters. */
  stats(): CameraStats {
    return {
      name: this.name,
      driver: this.driver,
      state: this.#state(),
      fps: this.#hub.running ? this.#rate.at(this.#clock.monotonic()) : 0,
      viewers: this.#hub.count("viewer"),
      backgroundSubscribers: this.#hub.count("background"),
      size: this.#size,
      error: this.error,
      failingSince: this.#failingSince,
      lastFailure: this.#lastFailure,
      frames: this.#frames,
      dropped: this.#dropped.viewer,
      backgroundDropped: this.#dropped.background,
      broken: this.#broken.total,
      refused: this.#edits.refused,
      editSkipped: this.#edits.skipped,
      failures: this.#backoff.total,
      sent: this.#sent,
    };
  }

  /**
   * Ends all subscribers and stops the capture.
   *
   * @param reason Abort reason; see `ImmediateStop`. A {@link CameraError} is the error for clients.
   */
  async close(reason?: unknown): Promise<void> {
    this.#closed = reason instanceof CameraError ? reason : new CameraError(CLOSED);
    this.#firstFrame.fail(this.#closed);
    this.#backoff[Symbol.dispose]();
    await this.#hub.close(reason);
  }

  /** {@link close} without a reason. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #state(): CameraState {
    if (this.error) return "failed";
    if (!this.#hub.running) return "off";
    return this.#hub.hasLatest ? "streaming" : "starting";
  }

  /** Edits images, if the settings demand it. */
  #edited(images: Source<NormalizedImage>): Source<NormalizedImage> {
    if (!this.edit) return images;
    return edited(images, {
      edit: this.edit,
      counts: this.#edits,
      broken: this.#broken,
      onRefused: (report) => this.#emit({ type: "camera pictures refused", ...report }),
    });
  }

  /** Turns images into frames: numbers them and measures their rate. */
  #stamp(images: Source<NormalizedImage>): Source<Frame> {
    return async (signal, push) => {
      this.#emit({ type: "camera starting", driver: this.driver });
      try {
        await images(signal, ({ jpeg, capturedAt, size }) => {
          const monotonic = this.#clock.monotonic();
          this.#rate.add(monotonic);
          this.#onImage(size);
          this.#frames++;
          push({ jpeg, capturedAt, monotonic, sequence: ++this.#sequence });
          this.#firstFrame.arrive(); // the hub has offered it to all subscribers
        });
      } finally {
        this.#firstFrame.reset();
        this.#clearFrames();
        this.#emit({ type: "camera stopped" });
      }
    };
  }

  #onImage(size: Size): void {
    const isSame = size.width === this.#size?.width && size.height === this.#size.height;
    this.#size = size;
    this.#failingSince = undefined;
    if (!this.#firstFrame.arrived) {
      this.#emit({ type: this.#recovering ? "camera recovered" : "camera started", size });
      this.#recovering = false;
    } else if (!isSame) this.#emit({ type: "camera size changed", size });
  }

  #onFailure(error: CameraError, delay: number): void {
    // Clients keep waiting through an immediate retry.
    if (delay > 0 || error.permanent) this.#firstFrame.fail(error);
    else this.#firstFrame.reset();
    this.#clearFrames();
    this.#lastFailure = error;
    this.#failingSince ??= this.#clock.now();
    this.#failed.resolve();
    this.#failed = Promise.withResolvers();
    this.#recovering = true;
    this.#emit({ type: "camera failed", error, retryDelay: delay });
  }

  #clearFrames(): void {
    this.#hub.clearLatest();
    this.#rate.clear();
  }

  #emit(event: EventOf<CameraEvent>): void {
    this.#events.emit({ ...event, camera: this.name } as CameraEvent);
  }

  /**
   * Returns the reason why no frame has arrived in time. A stalled source is being stopped, and may
   * report the reason.
   */
  async #timeoutError(): Promise<CameraError> {
    if (!this.error) await settlesWithin(this.#failed.promise, STOP_TIMEOUT, this.#clock);
    const seconds = Math.round(this.#timeouts.firstFrame / 1000);
    return this.error ?? new CameraError(`No picture from the camera for ${seconds} s`);
  }
}

const CLOSED = "The server is shutting down";

/** An event without the camera's name. */
type EventOf<E> = E extends unknown ? Omit<E, "camera"> : never;

function toCameraError(error: unknown): CameraError {
  if (error instanceof CameraError) return error;
  return new CameraError("The camera's driver failed", { cause: error });
}
