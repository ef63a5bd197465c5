import type { Bytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { CameraError } from "../errors.ts";
import { quote } from "../quote.ts";
import type { Bus } from "./bus.ts";
import { decodeFrame } from "./decode.ts";
import type { Directory } from "./directory.ts";
import { FrameInterval } from "./frame_interval.ts";
import { LaneCounter, type LaneSample } from "./lanes.ts";
import { OpenLanes } from "./open_lanes.ts";
import { OriginChoice, type Reception } from "./origin_choice.ts";
import { type Beat, type FrameHeader, ORIGIN_TIMEOUT } from "./protocol.ts";
import type { Origin, PublishedCamera } from "./published_camera.ts";
import type { RoundTrip } from "./round_trip.ts";
import { StallDetector } from "./stall_detector.ts";

/** Interval in which a link is checked, in milliseconds. */
const CHECK_INTERVAL = 500;
/** Time without a frame after which a beat makes the edge repeat its wants, in milliseconds. */
const REPEAT_AFTER = 500;
/**
 * Time that the hub or an origin has to come back before the camera fails, in milliseconds: it ends
 * with the second check.
 */
const GRACE_PERIOD = 1.8 * CHECK_INTERVAL;

/** A frame from the hub. */
export interface ReceivedFrame {
  /** A part of the message: to be copied. */
  readonly jpeg: Bytes;
  /** By the origin's clock; any number. */
  readonly capturedAt: number;
}

/** Receives the frames of an {@link EdgeLink}. */
export interface Receiver {
  /** See `CommonSettings.fps`. */
  readonly fps: number | undefined;
  onFrame(frame: ReceivedFrame): void;
  /** Called for a frame that was dropped because it came too late. @param bytes Its size. */
  onLate(bytes: number): void;
  /** Called when no frames arrive. The link is closed. */
  onFailure(error: CameraError): void;
}

/** Options of an {@link EdgeLink}. */
export interface EdgeLinkOptions {
  /** Name of the camera at its origin. */
  readonly source: string;
  /** Identifies this server for the origins. */
  readonly edge: string;
  readonly bus: Bus;
  readonly directory: Directory;
  readonly roundTrip: RoundTrip;
  readonly clock: Clock;
}

/**
 * Receives one camera from the hub, for all receivers that want it. When a frame has come, its lane
 * is opened again: so there are never more frames on their way than there are lanes.
 */
export class EdgeLink implements Disposable {
  readonly #options: EdgeLinkOptions;
  readonly #receivers = new Set<Receiver>();
  readonly #stack = new DisposableStack();
  readonly #camera: PublishedCamera;
  readonly #origins: OriginChoice;
  readonly #lanes: OpenLanes;
  readonly #counter = new LaneCounter();
  readonly #interval = new FrameInterval();
  readonly #stalls = new StallDetector();
  /** The last frame's `epoch` and `sequence`. */
  #last: Pick<FrameHeader, "epoch" | "sequence"> | undefined;
  /** Time from which frames are expected: the start, or the latest reconnect. */
  #openedAt: number;
  /** Time of the latest frame, late or not. */
  #arrivedAt = -Infinity;
  /** Time of the first of the late frames since the last one that was not. */
  #lateSince: number | undefined;
  #disconnectedAt: number | undefined;
  /** Time of the hub's first answer that nobody has subscribed to the wants. */
  #unansweredAt: number | undefined;
  #isPinging = false;
  #isClosed = false;

  constructor(options: EdgeLinkOptions) {
    this.#options = options;
    const { source, bus, directory, clock } = options;
    this.#openedAt = clock.monotonic();
    this.#camera = this.#stack.use(directory.follow(source, (beat) => this.#onBeat(beat))).camera;
    this.#origins = new OriginChoice(this.#camera, this.#openedAt);
    this.#lanes = new OpenLanes({
      ...options,
      epoch: () => this.#origins.current?.epoch,
      isNew: () => this.#arrivedAt < this.#openedAt,
      onMessage: (data, openedAt) => this.#onMessage(data, openedAt),
      onNoOrigin: () => this.#onNoOrigin(),
      onDenied: () => this.#onDenied(),
    });
    this.#stack.use(bus.onConnection((connected) => this.#onConnection(connected)));
    const disposed = new AbortController();
    this.#stack.defer(() => disposed.abort());
    this.#checkRegularly(disposed.signal).catch(() => {}); // aborted by dispose
    if (bus.connected) this.#begin();
    else this.#disconnectedAt = this.#openedAt;
  }

  /** Whether it has failed, or was disposed of. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Number of lanes. */
  get lanes(): number {
    return this.#isClosed ? 0 : this.#counter.count;
  }

  /** Number of receivers. */
  get size(): number {
    return this.#receivers.size;
  }

  /** Adds a receiver. */
  add(receiver: Receiver): void {
    this.#receivers.add(receiver);
  }

  /** Removes a receiver. */
  remove(receiver: Receiver): void {
    this.#receivers.delete(receiver);
  }

  /** Leaves the origin. The receivers are not notified. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#lanes[Symbol.dispose]();
    if (this.#unansweredAt === undefined) this.#lanes.want({ bye: true });
    this.#stack.dispose();
  }

  #begin(): void {
    this.#options.roundTrip.measure(); // while the link is idle
    this.#openLanes();
  }

  #openLanes(): void {
    if (!this.#isClosed) this.#lanes.open(this.#counter.count);
  }

  #onMessage(data: Bytes, openedAt: number): void {
    this.#onFrame(data, openedAt);
    this.#openLanes(); // if it was no frame of this camera
  }

  #onFrame(data: Bytes, openedAt: number): void {
    const frame = decodeFrame(data);
    if (!frame) return;
    const now = this.#options.clock.monotonic();
    const origin = this.#camera.recordMessage(frame.epoch, now);
    if (origin !== this.#origins.current) {
      if (!this.#origins.allows(origin, this.#reception())) return;
      this.#follow(origin);
    }
    const isOld = this.#last && ((frame.sequence - this.#last.sequence) | 0) <= 0;
    if (isOld) return;
    const delay = now - frame.monotonic;
    const turnaround = now - openedAt;
    origin.baseline.add(delay, now);
    this.#last = { epoch: frame.epoch, sequence: frame.sequence }; // not the JPEG
    this.#unansweredAt = undefined;
    this.#interval.add(frame);
    const excess = origin.beat ? origin.baseline.excess(delay, now) : undefined;
    const isLate = this.#camera.lateFrames.add({
      excess: excess ?? turnaround,
      turnaround,
      wasAlone: this.#arrivedAt > -Infinity && openedAt >= this.#arrivedAt,
      interval: this.#expectedInterval(),
    });
    this.#arrivedAt = now;
    if (isLate) this.#onLate(openedAt, now);
    else {
      this.#lateSince = undefined;
      this.#adapt({ turnaround, excess, delay }, frame.roundTrip);
    }
    this.#openLanes(); // before the receivers need time
    if (isLate) { for (const receiver of [...this.#receivers]) receiver.onLate(data.length); }
    else {
      this.#stalls.onFrame(now, turnaround - this.#expectedInterval());
      this.#lanes.resetInterval(this.#stalls.transfer);
      for (const receiver of [...this.#receivers]) receiver.onFrame(frame);
    }
  }

  /** Handles a frame that came too late, usually after an outage of the link. */
  #onLate(openedAt: number, now: number): void {
    this.#stalls.onLate(now);
    this.#origins.current?.baseline.adoptSteady(now);
    this.#counter.addLate(openedAt < (this.#lateSince ??= now));
  }

  /** Adapts the number of lanes. @param originMs Round-trip time of the origin, in milliseconds. */
  #adapt(
    sample: Pick<LaneSample, "turnaround" | "excess" | "delay">,
    originMs: number,
  ): void {
    const { roundTrip: own } = this.#options;
    const roundTrip = own.ms === undefined ? undefined : own.ms + originMs;
    const interval = this.#interval.ms;
    if (this.#counter.add({ ...sample, roundTrip, interval })) own.measure();
  }

  /** Interval between two frames of the camera, in milliseconds; 0 if it is unknown. */
  #expectedInterval(): number {
    const fps = this.#origins.current?.beat?.fps ?? 0;
    return this.#interval.ms ?? (fps > 0 ? 1000 / fps : 0);
  }

  #reception(): Reception {
    return {
      now: this.#options.clock.monotonic(),
      arrivedAt: this.#arrivedAt,
      interval: this.#expectedInterval(),
      transfer: this.#stalls.transfer,
    };
  }

  #follow(origin: Origin): void {
    this.#origins.follow(origin);
    if (this.#last?.epoch === origin.epoch) return;
    this.#last = undefined;
    this.#arrivedAt = -Infinity;
    this.#interval.reset();
    this.#counter.reset();
  }

  /** Follows another origin and asks it for frames. */
  #changeTo(origin: Origin): void {
    this.#follow(origin);
    this.#openLanes();
    this.#lanes.repeat();
  }

  #onBeat(beat: Beat): void {
    const now = this.#options.clock.monotonic();
    if (beat.gone) return this.#onGone(beat);
    const wasUnanswered = this.#unansweredAt !== undefined;
    this.#unansweredAt = undefined;
    const origin = this.#camera.recordMessage(beat.epoch, now);
    const { current } = this.#origins;
    if (current && origin !== current) {
      if (this.#origins.allows(origin, this.#reception())) this.#changeTo(origin);
    } else if (
      wasUnanswered || now - this.#arrivedAt > REPEAT_AFTER + 2 * this.#stalls.transfer
    ) {
      this.#lanes.repeat();
    }
  }

  #onGone({ epoch }: Beat): void {
    if (this.#origins.current && this.#origins.current.epoch !== epoch) return;
    const { current } = this.#camera;
    if (current) this.#changeTo(current);
    else this.#failWithoutOrigin();
  }

  /** Handles the hub's answer that nobody has subscribed to the wants. */
  #onNoOrigin(): void {
    if (this.#isClosed) return;
    const now = this.#options.clock.monotonic();
    const wasPublished = now - this.#camera.beatAt < ORIGIN_TIMEOUT;
    this.#origins.clear();
    this.#unansweredAt ??= now;
    if (!wasPublished) this.#failWithoutOrigin();
  }

  #onDenied(): void {
    const { source } = this.#options;
    this.#fail(`The hub refuses the frames of camera ${quote(source)}`, {
      hint: `allow this user to subscribe to dinocam.frame.${source}.*`,
    });
  }

  #onConnection(connected: boolean): void {
    const { roundTrip, clock } = this.#options;
    const now = clock.monotonic();
    if (connected) {
      this.#disconnectedAt = undefined;
      this.#unansweredAt = undefined;
      this.#openedAt = now;
      this.#stalls.reset();
      this.#lanes.resetInterval();
      this.#begin();
    } else {
      this.#disconnectedAt = now;
      this.#lanes.close();
      roundTrip.reset();
    }
  }

  async #checkRegularly(signal: AbortSignal): Promise<void> {
    while (true) {
      await this.#options.clock.sleep(CHECK_INTERVAL, signal);
      this.#check();
    }
  }

  #check(): void {
    const now = this.#options.clock.monotonic();
    if (this.#disconnectedAt !== undefined) {
      if (now - this.#disconnectedAt >= GRACE_PERIOD) this.#fail("No connection to the hub");
      return;
    }
    if (this.#unansweredAt !== undefined) {
      if (now - this.#unansweredAt >= GRACE_PERIOD) return this.#failWithoutOrigin();
    } else if (this.#checkFrames(now)) return;
    this.#lanes.keepAlive(Math.max(this.#arrivedAt, this.#openedAt));
  }

  /** Changes to another origin, or fails, if no frames arrive. @returns Whether it has failed. */
  #checkFrames(now: number): boolean {
    const alternative = this.#origins.alternative(this.#reception());
    if (alternative) this.#changeTo(alternative);
    const failure = this.#stalls.check({
      now,
      openedAt: this.#openedAt,
      camera: this.#camera,
      origin: this.#origins.current,
      fps: Math.min(...[...this.#receivers].map(({ fps = Infinity }) => fps)),
    });
    if (failure === undefined) return false;
    if (failure === "ping") {
      this.#ping(now);
      return false;
    }
    this.#fail(failure.message, failure);
    return true;
  }

  #ping(now: number): void {
    if (this.#isPinging) return;
    this.#isPinging = true;
    this.#options.bus.flush().then((answered) => {
      this.#isPinging = false;
      if (answered) this.#stalls.onPong(now);
    });
  }

  #failWithoutOrigin(): void {
    const { source } = this.#options;
    this.#fail(`Nobody publishes a camera ${quote(source)} at the hub`, {
      hint: `at its origin, PUBLISH must be "all" or contain ${quote(source)}`,
    });
  }

  #fail(message: string, { hint }: { hint?: string } = {}): void {
    if (this.#isClosed) return;
    const retryWhen = this.#camera.recovered();
    const error = new CameraError(message, { hint, retryWhen });
    this[Symbol.dispose]();
    for (const receiver of [...this.#receivers]) receiver.onFailure(error);
  }
}
