import type { Camera } from "../camera/camera.ts";
import type { CameraFeed } from "../camera/camera_feed.ts";
import { FirstFrame } from "../camera/first_frame.ts";
import type { CameraStats } from "../camera/stats.ts";
import type { Clock } from "../clock.ts";
import { CameraError, explain } from "../errors.ts";
import type { Frame } from "../frame.ts";
import { Hub, type Role, type Subscriber } from "../hub/hub.ts";
import { pushing } from "../hub/source.ts";
import type { Size } from "../jpeg/segments.ts";
import type { PictureWorker, Refused, RenderTask } from "../pixels/task.ts";
import {
  conversionError,
  Conversions,
  type ConvertedPicture,
  MAX_REFUSED,
  type RenditionCounts,
} from "./conversions.ts";
import type { Engine } from "./engine.ts";
import { Intake } from "./intake.ts";
import { RenditionSource } from "./rendition_source.ts";
import { RenditionViewer } from "./rendition_viewer.ts";
import type { SingleRenders } from "./single_renders.ts";
import type { SmallSource } from "./small_source.ts";

/** Time that a rendition of a camera that never stops runs after its last viewer, in milliseconds. */
const DEFAULT_IDLE_TIMEOUT = 10_000;
/** Time limit for the first picture after that of the camera, in milliseconds. */
const FIRST_FRAME_TIMEOUT = 10_000;
/** Time for which a rendition is kept for a client that has requested it, in milliseconds. */
const RESERVATION = 1_000;

/** State and counters of a rendition. */
export interface RenditionStats extends Readonly<RenditionCounts> {
  /** Nominal height in pixels; undefined: that of the camera. */
  readonly height: number | undefined;
  readonly quality: number | undefined;
  readonly overlay: boolean;
  readonly viewers: number;
  /** Measured frames per second. */
  readonly fps: number;
}

/** Options of a {@link Rendition}. */
export interface RenditionOptions {
  readonly camera: Camera;
  /** The camera's second, smaller stream. */
  readonly smallSource: SmallSource | undefined;
  readonly task: RenderTask;
  readonly engine: Engine;
  readonly singles: SingleRenders;
  /** Counts what all renditions of the camera do. */
  readonly totals: RenditionCounts;
  readonly clock: Clock;
  /** Called when a viewer joins. */
  readonly onJoin: (rendition: Rendition) => void;
  /** Called when it begins and stops to make pictures. */
  readonly onRunning: (rendition: Rendition, isRunning: boolean) => void;
  /** Called when the engine fails, apart from single pictures. */
  readonly onEngineError: (reason: string) => void;
}

/**
 * A camera's pictures in another size or quality, as its viewers see them. Each is made once for all
 * viewers, in another thread; if that is slower than the camera, pictures are left out. It starts
 * with its first viewer and stops when it has had none for the camera's idle time.
 */
export class Rendition implements CameraFeed {
  readonly task: RenderTask;

  readonly #options: RenditionOptions;
  readonly #camera: Camera;
  readonly #clock: Clock;
  readonly #source: RenditionSource;
  readonly #viewers = new Map<Subscriber<Frame>, RenditionViewer>();
  readonly #firstFrame: FirstFrame;
  readonly #conversions: Conversions;
  #hub: Hub<Frame>;
  /** While it runs. */
  #intake: Intake | undefined;
  /** Sequence number of the last picture. */
  #sequence = 0;
  /** Changes when the source fails or stops: pictures that are being made are outdated then. */
  #generation = 0;
  /** Monotonic time until which it is kept for a client. */
  #reservedUntil = -Infinity;

  constructor(options: RenditionOptions) {
    this.#options = options;
    this.task = options.task;
    this.#camera = options.camera;
    this.#source = new RenditionSource({ ...options, ...options.task });
    this.#clock = options.clock;
    this.#conversions = new Conversions(options.clock, options.totals);
    this.#firstFrame = new FirstFrame(options.clock);
    this.#hub = this.#createHub();
  }

  /** Name of the camera. */
  get name(): string {
    return this.#camera.name;
  }

  /** Name of the camera, or of its small source, whose pictures are converted. */
  get source(): string {
    return this.#source.current.name;
  }

  /** Whether it has viewers, or will have one in a moment. */
  get isUsed(): boolean {
    return this.#viewers.size > 0 || this.#clock.monotonic() < this.#reservedUntil;
  }

  /** Whether it makes pictures, or could at any time as it has had viewers lately. */
  get isRunning(): boolean {
    return this.#hub.running;
  }

  /** See `Camera.latest`. */
  get latest(): Frame | undefined {
    return this.#hub.latest;
  }

  /** See `Camera.error`. */
  get error(): CameraError | undefined {
    return this.#source.current.error ?? this.#conversions.error;
  }

  /** See `Camera.retryAfter`. */
  get retryAfter(): number {
    return this.#source.current.retryAfter;
  }

  /** See `Camera.retryNow`. */
  retryNow(options?: Parameters<Camera["retryNow"]>[0]): void {
    this.#source.current.retryNow(options);
  }

  /** Keeps it for a client that has requested it, until that joins, or takes a single picture. */
  reserve(): void {
    this.#reservedUntil = this.#clock.monotonic() + RESERVATION;
  }

  /** Adds a subscriber and offers it the latest picture. */
  join(subscriber: Subscriber<Frame>): void {
    const viewer = this.#viewers.get(subscriber) ?? this.#addViewer(subscriber);
    this.#hub.join(viewer);
  }

  /** Removes a subscriber. */
  leave(subscriber: Subscriber<Frame>): void {
    const viewer = this.#viewers.get(subscriber);
    if (!viewer) return;
    this.#viewers.delete(subscriber);
    this.#hub.leave(viewer);
    this.#source.release(viewer);
  }

  /** See `Camera.ready`. */
  async ready(): Promise<void> {
    await this.#source.ask((source) => source.ready());
    if (this.latest) return;
    if (this.#conversions.error) throw this.#conversions.error;
    if (!await this.#firstFrame.wait(FIRST_FRAME_TIMEOUT)) {
      const seconds = FIRST_FRAME_TIMEOUT / 1000;
      throw new CameraError(`No picture was converted within ${seconds} s`, {
        hint: "the server is overloaded",
      });
    }
  }

  /** See `Camera.frame`. Without viewers, this single picture is converted. */
  async frame(maxAge = 0): Promise<Frame> {
    this.#reservedUntil = -Infinity;
    const { latest } = this;
    if (latest && latest.monotonic >= this.#clock.monotonic() - maxAge) return latest;
    this.#source.select();
    for (let refused = 1;; refused++) {
      const frame = await this.#source.ask((source) => source.frame(maxAge));
      const { singles } = this.#options;
      const result = this.#isUnchanged()
        ? frame
        : await singles.render(this.task, frame.jpeg, frame.capturedAt);
      if ("jpeg" in result) return { ...frame, jpeg: result.jpeg };
      if (refused === MAX_REFUSED) throw conversionError(result.refused);
      maxAge = 0; // a damaged picture: the next one
    }
  }

  /** See `Camera.countDropped`. */
  countDropped(role: Role): void {
    this.#camera.countDropped(role);
  }

  /** See `Camera.countDelivered`. */
  countDelivered(frame: Frame, bytes: number): void {
    this.#camera.countDelivered(frame, bytes);
  }

  /** The camera's state and counters, with the size and the error of the rendition. */
  stats(): CameraStats {
    const { state, fps } = this.#source.current.stats();
    const size = this.#conversions.size ?? this.#expectedSize();
    return { ...this.#camera.stats(), state, fps, size, error: this.error };
  }

  /** Its own state and counters. */
  renditionStats(): RenditionStats {
    const { height, quality, overlay } = this.task;
    return {
      height,
      quality,
      overlay: overlay !== undefined,
      viewers: this.#hub.count("viewer"),
      fps: this.isRunning ? this.#conversions.fps : 0,
      ...this.#conversions.counts,
    };
  }

  /** Called when the source has failed, or has stopped: there is no current picture. */
  onSourceLost(): void {
    this.#generation++;
    this.#firstFrame.reset();
    this.#intake?.clear();
    this.#hub.clearLatest();
    this.#conversions.clearRate();
  }

  /** Stops at once. It starts again with the next viewer. */
  async stop(): Promise<void> {
    const hub = this.#hub;
    this.#hub = this.#createHub();
    await hub.close();
  }

  #createHub(): Hub<Frame> {
    const { idleTimeout } = this.#camera;
    return new Hub(pushing((signal) => this.#render(signal)), {
      clock: this.#clock,
      idleTimeout: Number.isFinite(idleTimeout) ? idleTimeout : DEFAULT_IDLE_TIMEOUT,
    });
  }

  #addViewer(subscriber: Subscriber<Frame>): RenditionViewer {
    const viewer = new RenditionViewer(subscriber, () => this.leave(subscriber));
    this.#reservedUntil = -Infinity;
    this.#viewers.set(subscriber, viewer);
    this.#options.onJoin(this);
    this.#source.hold(viewer);
    return viewer;
  }

  /** Makes the pictures, until the signal aborts. */
  async *#render(signal: AbortSignal): AsyncGenerator<Frame> {
    const { engine, onRunning } = this.#options;
    const intake = new Intake(() => this.#conversions.drop());
    let worker: PictureWorker | undefined;
    const stop = () => {
      intake.end();
      worker?.[Symbol.dispose]();
    };
    signal.addEventListener("abort", stop, { once: true });
    this.#intake = intake;
    this.#sequence = 0;
    onRunning(this, true);
    using _attached = this.#source.attach(intake);
    try {
      for (let frame = await intake.take(); frame; frame = await intake.take()) {
        const numbered = this.#source.number(frame);
        if (numbered.sequence <= this.#sequence) continue; // viewers have received newer ones
        if (!this.#isUnchanged()) worker ??= engine(this.task);
        const generation = this.#generation;
        const result = await this.#convert(numbered, worker);
        if (signal.aborted) break;
        if (generation !== this.#generation || !this.#accepts(result)) continue;
        this.#sequence = numbered.sequence;
        yield { ...numbered, jpeg: result.jpeg };
        this.#firstFrame.arrive(); // the hub has offered it to all viewers
      }
    } finally {
      signal.removeEventListener("abort", stop);
      worker?.[Symbol.dispose]();
      if (this.#intake === intake) this.#intake = undefined;
      this.#firstFrame.reset();
      this.#conversions.reset();
      onRunning(this, false);
    }
  }

  async #convert(
    frame: Frame,
    worker: PictureWorker | undefined,
  ): Promise<ConvertedPicture | Refused> {
    const { jpeg, capturedAt } = frame;
    if (!worker || this.#isUnchanged()) return { jpeg, size: this.#source.current.size };
    try {
      return await worker.process(jpeg, capturedAt);
    } catch (error) {
      const reason = explain(error);
      if (!this.#conversions.isRefused) this.#options.onEngineError(reason);
      return { refused: reason };
    }
  }

  /** Counts a result, and reports a failure. @returns Whether it is a picture. */
  #accepts(result: ConvertedPicture | Refused): result is ConvertedPicture {
    if (this.#conversions.accepts(result)) return true;
    const { error } = this.#conversions;
    if (!error) return false;
    this.#hub.clearLatest();
    this.#firstFrame.fail(error);
    return false;
  }

  /** Whether the pictures of the source are those that are wanted. */
  #isUnchanged(): boolean {
    const { height, quality, overlay } = this.task;
    if (quality !== undefined || overlay || height === undefined) return false;
    return (this.#source.current.size?.height ?? Infinity) <= height;
  }

  #expectedSize(): Size | undefined {
    const { size } = this.#camera;
    const { height } = this.task;
    if (!size || height === undefined) return size;
    return { width: Math.ceil(size.width * height / size.height), height };
  }
}
