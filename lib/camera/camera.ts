import { type Clock, settlesWithin } from "../clock.ts";
import { CameraError, explain } from "../errors.ts";
import type { Frame, Jpeg } from "../frame.ts";
import { Hub, type Open, type Role, type Subscriber } from "../hub/hub.ts";
import type { Subscription, SubscriptionOptions } from "../hub/subscription.ts";
import { withHuffmanTables } from "../jpeg/huffman.ts";
import { type Size, sizeOf } from "../jpeg/segments.ts";
import type { SplitCounts } from "../jpeg/split.ts";
import { withoutThumbnail } from "../jpeg/thumbnail.ts";
import type { Log } from "../log.ts";
import { DeliveryStats } from "./delivery_stats.ts";
import type { Images, TimedJpeg } from "./driver.ts";
import { FrameRate } from "./frame_rate.ts";
import { Backoff, restarting } from "./backoff.ts";
import { stalling, stallTimeouts } from "./stall.ts";

/** What a camera is doing. `failed` lasts until it gives frames again, also when nobody watches. */
export type CameraState = "off" | "starting" | "streaming" | "failed";

/** Options of a {@link Camera}. */
export interface CameraOptions {
  name: string;
  /** The name of its driver. */
  driver: string;
  open: Open<Jpeg | TimedJpeg>;
  /** How many frames a second it was asked for, if that is known. */
  fps?: number;
  /** How long it runs on after the last viewer, in milliseconds; `Infinity` also starts it at once. */
  idleTimeout: number;
  clock: Clock;
  log: Log;
}

/** What a camera knows of itself. */
export interface CameraStats {
  readonly name: string;
  readonly driver: string;
  readonly state: CameraState;
  /** Frames a second, measured. */
  readonly fps: number;
  readonly viewers: number;
  readonly size: Size | undefined;
  /** Why there are no frames. */
  readonly error: CameraError | undefined;
  /** Its last failure, also when it has recovered from that. */
  readonly lastFailure: CameraError | undefined;
  /** Frames that came from the camera since the server started. */
  readonly frames: number;
  /** Background subscribers: recorder, publisher, detector. */
  readonly backgroundSubscribers: number;
  /** Frames that viewers were too slow to take. */
  readonly dropped: number;
  /** Frames that background subscribers were too slow to take. */
  readonly backgroundDropped: number;
  /** Images from the camera that were broken, cut short or too large. */
  readonly broken: number;
  /** How often it failed. */
  readonly failures: number;
  /** What viewers have taken. */
  readonly sent: Readonly<DeliveryStats>;
}

/**
 * A camera as its viewers know it: it runs while somebody watches, is started again when it fails, and
 * gives everybody the same frames.
 */
export class Camera {
  readonly name: string;
  readonly driver: string;

  readonly #clock: Clock;
  readonly #log: Log;
  readonly #hub: Hub<Frame>;
  readonly #backoff: Backoff;
  readonly #rate = new FrameRate();
  readonly #timeouts: { firstFrame: number; nextFrame: number };
  readonly #sent = new DeliveryStats();
  readonly #dropped: Record<Role, number> = { viewer: 0, background: 0 };
  #sequence = 0;
  /** When the newest frame came. */
  #arrivedAt = -Infinity;
  #size: Size | undefined;
  /** Whether there are frames: what {@link ready} waits for. */
  #outcome = deferred();
  /** Whether {@link #outcome} has come to frames. */
  #flowing = false;
  #brokenBefore = 0;
  #counts: SplitCounts = { broken: 0, skippedBytes: 0 };
  #logged: string | undefined;
  #lastFailure: CameraError | undefined;
  #closed: CameraError | undefined;

  constructor({ name, driver, open, fps, idleTimeout, clock, log }: CameraOptions) {
    this.name = name;
    this.driver = driver;
    this.#clock = clock;
    this.#log = log;
    this.#timeouts = stallTimeouts(fps);
    this.#backoff = new Backoff({
      clock,
      onFailure: (error, pause) => this.#onFailure(error, pause),
    });
    const source = restarting(
      stalling((signal) => this.#images(open, signal), { clock, ...this.#timeouts }),
      this.#backoff,
    );
    this.#hub = new Hub((signal) => this.#frames(source, signal), { clock, idleTimeout });
    if (idleTimeout === Infinity) this.#hub.start();
  }

  /** The newest frame, while the camera gives frames. */
  get latest(): Frame | undefined {
    return this.#hub.latest;
  }

  /** Why there are no frames; undefined while there are, or none were asked for. */
  get error(): CameraError | undefined {
    return this.#backoff.lastError;
  }

  /** When it makes sense to ask again, in milliseconds. */
  get retryAfter(): number {
    return this.#backoff.remaining;
  }

  /** Somebody wants frames: what is not tried again by itself, as it needs a person, is tried. */
  retryNow(): void {
    this.#backoff.retryNow();
  }

  /** Adds a viewer, who gets the newest frame at once. */
  join(viewer: Subscriber<Frame>): void {
    this.#hub.join(viewer);
  }

  /** Takes a viewer out. */
  leave(viewer: Subscriber<Frame>): void {
    this.#hub.leave(viewer);
  }

  /** A viewer that is an iterator of frames. */
  subscribe(options: Omit<SubscriptionOptions, "onDropped"> = {}): Subscription<Frame> {
    const onDropped = () => this.countDropped(options.role ?? "viewer");
    return this.#hub.subscribe({ ...options, onDropped });
  }

  /**
   * Waits until the camera, which somebody has joined, gives frames.
   *
   * @throws {CameraError} If it cannot: at once while it rests after failures, else after the time that
   * a camera has for its first frame.
   */
  async ready(): Promise<void> {
    if (this.#closed) throw this.#closed;
    if (this.latest) return;
    if (this.error && this.retryAfter > 0) throw this.error;
    this.#backoff.retryNow();
    if (!await settlesWithin(this.#outcome.promise, this.#timeouts.firstFrame, this.#clock)) {
      throw this.timeoutError();
    }
  }

  /**
   * A frame captured at or after `since`, in milliseconds since the Unix epoch.
   *
   * The clock of a camera with time stamps of its own may be off from ours. So what counts is when a frame
   * came; only one that began its way to us before `since`, by its stamp, is passed over for the next.
   *
   * @throws {CameraError} If there is none in time.
   */
  async frame(since: number): Promise<Frame> {
    if (this.latest && this.#arrivedAt >= since) return this.latest;
    const seen = this.#sequence;
    using viewer = this.subscribe();
    const found = (async () => {
      for await (const frame of viewer) {
        const came = frame.sequence > seen && this.#arrivedAt >= since;
        if (came && (frame.capturedAt >= since || frame.sequence > seen + 1)) return frame;
      }
      throw new CameraError("The server is shutting down");
    })();
    found.catch(() => {}); // when nobody waits for it any more
    await this.ready();
    if (!await settlesWithin(found, this.#timeouts.firstFrame, this.#clock)) {
      throw this.timeoutError();
    }
    return await found;
  }

  /** Counts a frame that a subscriber was too slow to take. */
  countDropped(role: Role): void {
    this.#dropped[role]++;
  }

  /** Counts a frame that a viewer has received. @param bytes Its size on the wire. */
  countDelivered({ capturedAt }: Frame, bytes: number): void {
    this.#sent.add(bytes, this.#clock.now() - capturedAt);
  }

  /** What there is to tell. */
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
      lastFailure: this.#lastFailure,
      frames: this.#sequence,
      dropped: this.#dropped.viewer,
      backgroundDropped: this.#dropped.background,
      broken: this.#brokenBefore + this.#counts.broken,
      failures: this.#backoff.total,
      sent: this.#sent,
    };
  }

  /** Ends all viewers and stops the capture. `reason`: see `StopNow`. */
  async close(reason?: unknown): Promise<void> {
    this.#closed = new CameraError("The server is shutting down");
    this.#outcome.reject(this.#closed);
    await this.#hub.close(reason);
  }

  #state(): CameraState {
    if (this.error) return "failed";
    if (!this.#hub.running) return "off";
    return this.latest ? "streaming" : "starting";
  }

  /** The driver's images, whole for every decoder and with their time, without what is no JPEG. */
  async *#images(
    open: Open<Jpeg | TimedJpeg>,
    signal: AbortSignal,
  ): AsyncGenerator<TimedJpeg> {
    const images: Images = open(signal);
    this.#brokenBefore += this.#counts.broken;
    this.#counts = images.counts ?? { broken: 0, skippedBytes: 0 };
    let size: Size | undefined;
    for await (const image of images) {
      const { jpeg, capturedAt } = "jpeg" in image
        ? image
        : { jpeg: image, capturedAt: this.#clock.now() };
      const its = sizeOf(jpeg);
      if (!its) this.#counts.broken++;
      else {
        if (its.width !== size?.width || its.height !== size.height) this.#onSize(size = its);
        yield { jpeg: withHuffmanTables(withoutThumbnail(jpeg)), capturedAt };
      }
    }
  }

  async *#frames(source: Open<TimedJpeg>, signal: AbortSignal): AsyncGenerator<Frame> {
    this.#log.info("camera starting", { camera: this.name, driver: this.driver });
    try {
      for await (const { jpeg, capturedAt } of source(signal)) {
        const monotonic = this.#clock.monotonic();
        this.#rate.add(monotonic);
        this.#arrivedAt = this.#clock.now();
        this.#logged = undefined;
        yield { jpeg, capturedAt, monotonic, sequence: ++this.#sequence };
        this.#outcome.resolve();
        this.#flowing = true;
      }
    } finally {
      this.#reset(false);
      this.#log.info("camera stopped", { camera: this.name });
    }
  }

  #onSize(size: Size): void {
    this.#size = size;
    this.#log.info("camera streaming", { camera: this.name, ...size });
  }

  #onFailure(error: CameraError, pause: number): void {
    // Who waits goes on waiting while it is tried again at once.
    const rests = pause > 0 || error.permanent;
    if (rests) this.#outcome.reject(error);
    this.#reset(rests);
    this.#lastFailure = error;
    const reason = explain(error);
    if (reason === this.#logged) return;
    this.#logged = reason;
    this.#log.warn("camera failed", { camera: this.name, reason, hint: error.hint });
  }

  /** There is no newest frame any more. @param settled Whether nobody waits for the next one any more. */
  #reset(settled: boolean): void {
    if (settled || this.#flowing) this.#outcome = deferred();
    this.#flowing = false;
    this.#hub.clearLatest();
    this.#rate.clear();
  }

  timeoutError(): CameraError {
    const seconds = Math.round(this.#timeouts.firstFrame / 1000);
    return this.error ?? new CameraError(`No picture from the camera for ${seconds} s`);
  }
}

/** A promise to be settled later, which nobody has to wait for. */
function deferred(): PromiseWithResolvers<void> {
  const outcome = Promise.withResolvers<void>();
  outcome.promise.catch(() => {});
  return outcome;
}
