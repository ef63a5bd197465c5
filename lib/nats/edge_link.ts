import type { Bytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { CameraError } from "../errors.ts";
import { quote } from "../quote.ts";
import type { Bus, Message } from "./bus.ts";
import { decodeFrame } from "./decode.ts";
import type { Directory } from "./directory.ts";
import { FrameInterval } from "./frame_interval.ts";
import { LaneCounter, type Turn } from "./lanes.ts";
import { Patience } from "./patience.ts";
import {
  ASK_INTERVAL,
  type Beat,
  type FrameHeader,
  frameSubject,
  LANES,
  ORIGIN_TIMEOUT,
  type Want,
  wantSubject,
} from "./protocol.ts";
import { type Origin, type PublishedCamera, SILENCE } from "./published_camera.ts";
import type { RoundTrip } from "./round_trip.ts";

/** Interval in which a link is checked, in milliseconds. */
const CHECK_INTERVAL = ASK_INTERVAL / 2;
/** Time without a frame after which a beat makes the link ask for all lanes, in milliseconds. */
const SHORT_PAUSE = 500;
/** Maximum interval in which all lanes are asked for again, in milliseconds. */
const MAX_ASK_INTERVAL = 8_000;
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

/** A lane that is open: a subscription for one message. */
interface Lane {
  readonly subscription: Disposable;
  readonly openedAt: number;
}

/**
 * Receives one camera from the hub, for all receivers that want it. Each lane is a subscription for
 * one message, and is opened again when that has come: so there are never more frames on the way
 * than there are lanes.
 */
export class EdgeLink implements Disposable {
  readonly #options: EdgeLinkOptions;
  readonly #receivers = new Set<Receiver>();
  readonly #stack = new DisposableStack();
  readonly #camera: PublishedCamera;
  readonly #inbox: string;
  readonly #lanes = new Array<Lane | undefined>(LANES).fill(undefined);
  readonly #counter = new LaneCounter();
  readonly #interval = new FrameInterval();
  readonly #patience = new Patience();
  /** The origin whose frames are received; others of the same name are ignored. */
  #origin: Origin | undefined;
  /** The last frame's `epoch` and `sequence`. */
  #last: Pick<FrameHeader, "epoch" | "sequence"> | undefined;
  /** Time from which frames are expected: the start, or the latest reconnect. */
  #openedAt: number;
  /** Time of the latest frame, late or not. */
  #arrivedAt = -Infinity;
  /** Time of the first of the late frames since the last one that was not. */
  #lateSince: number | undefined;
  #askedAt = -Infinity;
  /** Time without a frame after which all lanes are asked for again, in milliseconds. */
  #askAgainAfter = ASK_INTERVAL;
  #askedAgainAt = -Infinity;
  #disconnectedAt: number | undefined;
  /** Time since when the hub says that nobody has subscribed to the wants. */
  #unansweredAt: number | undefined;
  #isProbing = false;
  #isClosed = false;

  constructor(options: EdgeLinkOptions) {
    this.#options = options;
    const { source, bus, directory, clock } = options;
    this.#openedAt = clock.monotonic();
    const attended = this.#stack.use(
      directory.attend(source, { onBeat: (beat) => this.#onBeat(beat) }),
    );
    this.#camera = attended.camera;
    this.#inbox = bus.createInbox();
    this.#stack.use(bus.subscribe(this.#inbox, (message) => this.#onAnswer(message)));
    this.#stack.use(bus.onConnection((connected) => this.#onConnection(connected)));
    const disposed = new AbortController();
    this.#stack.defer(() => disposed.abort());
    this.#checkRegularly(disposed.signal).catch(() => {}); // aborted by dispose
    // With two origins, the known one is preferred from the beginning.
    if (this.#camera.isDuplicate(this.#openedAt)) this.#origin = this.#camera.current;
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

  /** Tells the origin that this server leaves. The receivers are not told. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeLanes();
    if (this.#unansweredAt === undefined) this.#want({ bye: true });
    this.#stack.dispose();
  }

  #begin(): void {
    this.#options.roundTrip.measure(); // before anything else is on the way
    this.#openLanes();
  }

  /** Opens and closes lanes as the number of lanes requires. */
  #openLanes(): void {
    if (this.#isClosed || !this.#options.bus.connected) return;
    for (let lane = 0; lane < LANES; lane++) {
      if (lane >= this.#counter.count) this.#closeLane(lane);
      else if (!this.#lanes[lane]) this.#openLane(lane);
    }
  }

  #openLane(lane: number): void {
    const { bus, source, clock } = this.#options;
    const openedAt = clock.monotonic();
    const onMessage = ({ data }: Message) => {
      if (this.#lanes[lane] !== entry) return;
      this.#lanes[lane] = undefined;
      this.#onMessage(data, openedAt);
      this.#openLanes();
    };
    const subscription = bus.subscribe(frameSubject(source, lane), onMessage, {
      max: 1,
      onDenied: () => this.#onDenied(),
    });
    const entry = this.#lanes[lane] = { subscription, openedAt };
    this.#want({ lane }); // after the subscription, which it cannot overtake
  }

  #closeLane(lane: number): void {
    this.#lanes[lane]?.subscription[Symbol.dispose]();
    this.#lanes[lane] = undefined;
  }

  #closeLanes(): void {
    for (let lane = 0; lane < LANES; lane++) this.#closeLane(lane);
  }

  #want(want: Omit<Want, "edge" | "epoch" | "new">): void {
    const { bus, source, edge, clock } = this.#options;
    this.#askedAt = clock.monotonic();
    const isFirst = want.lane === 0 && this.#arrivedAt < this.#openedAt;
    const message: Want = { edge, epoch: this.#origin?.epoch, new: isFirst || undefined, ...want };
    bus.publish(wantSubject(source), JSON.stringify(message), this.#inbox);
  }

  /**
   * Asks for frames on all open lanes: what was asked before may be lost. But while a thin link
   * carries a frame, the origin would send the next ones to nobody.
   */
  #wantAll(): void {
    this.#askedAgainAt = this.#options.clock.monotonic();
    this.#askAgainAfter = Math.min(2 * this.#askAgainAfter, MAX_ASK_INTERVAL);
    for (const [lane, entry] of this.#lanes.entries()) if (entry) this.#want({ lane });
  }

  #onMessage(data: Bytes, openedAt: number): void {
    const frame = decodeFrame(data);
    if (!frame) return;
    const now = this.#options.clock.monotonic();
    const origin = this.#camera.hear(frame.epoch, now);
    if (this.#origin && origin !== this.#origin && !this.#mayFollow(origin)) return;
    if (origin !== this.#origin) this.#follow(origin);
    const isOld = this.#last && ((frame.sequence - this.#last.sequence) | 0) <= 0;
    if (isOld) return;
    const delay = now - frame.monotonic;
    const turn = now - openedAt;
    origin.baseline.add(delay, now);
    this.#last = { epoch: frame.epoch, sequence: frame.sequence }; // not the JPEG
    this.#unansweredAt = undefined;
    this.#interval.add(frame);
    const excess = origin.beat ? origin.baseline.excess(delay, now) : undefined;
    const isLate = this.#camera.lateFrames.add({
      excess: excess ?? turn,
      turn,
      wasAlone: this.#arrivedAt > -Infinity && openedAt >= this.#arrivedAt,
      interval: this.#expectedInterval(),
    });
    this.#arrivedAt = now;
    if (isLate) this.#onLate(openedAt, now);
    else {
      this.#lateSince = undefined;
      this.#adapt({ turn, excess, delay }, frame.way);
    }
    this.#openLanes(); // before the receivers need time
    if (isLate) { for (const receiver of [...this.#receivers]) receiver.onLate(data.length); }
    else {
      this.#patience.onFrame(now, turn - this.#expectedInterval());
      this.#askAgainAfter = ASK_INTERVAL + 2 * this.#patience.turn;
      for (const receiver of [...this.#receivers]) receiver.onFrame(frame);
    }
  }

  /** Handles a frame that came too late: mostly a leftover of a link that stood still. */
  #onLate(openedAt: number, now: number): void {
    this.#origin?.baseline.adoptSteady(now);
    this.#counter.addLate(openedAt < (this.#lateSince ??= now));
  }

  #adapt(turn: Pick<Turn, "turn" | "excess" | "delay">, originWay: number): void {
    const { roundTrip } = this.#options;
    const way = roundTrip.ms === undefined ? undefined : roundTrip.ms + originWay;
    const interval = this.#interval.ms;
    if (this.#counter.add({ ...turn, way, interval })) roundTrip.measure();
  }

  /** Interval between two frames of the camera, in milliseconds; 0 if it is unknown. */
  #expectedInterval(): number {
    const fps = this.#origin?.beat?.fps ?? 0;
    return this.#interval.ms ?? (fps > 0 ? 1000 / fps : 0);
  }

  /** Whether another origin may replace the present one, which then must be silent. */
  #mayFollow(other: Origin): boolean {
    if (!this.#origin) return true;
    const now = this.#options.clock.monotonic();
    const { epoch, heardAt } = this.#origin;
    const turn = this.#patience.turn;
    if (now - heardAt >= SILENCE + turn) return true;
    // A restarted origin begins when the former one has ended.
    const hasRestarted = other.epoch > epoch && other.firstHeardAt > heardAt;
    const pause = Math.max(SHORT_PAUSE, 3 * this.#expectedInterval()) + turn;
    return hasRestarted && now - Math.max(heardAt, this.#arrivedAt) >= pause;
  }

  #follow(origin: Origin): void {
    this.#origin = origin;
    this.#camera.follow(origin);
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
    this.#wantAll();
  }

  #onBeat(beat: Beat): void {
    const now = this.#options.clock.monotonic();
    if (beat.gone) return this.#onGone(beat);
    const wasUnanswered = this.#unansweredAt !== undefined;
    this.#unansweredAt = undefined;
    const origin = this.#camera.hear(beat.epoch, now);
    if (this.#origin && origin !== this.#origin) {
      if (this.#mayFollow(origin)) this.#changeTo(origin);
    } else if (wasUnanswered || now - this.#arrivedAt > SHORT_PAUSE + 2 * this.#patience.turn) {
      this.#wantAll();
    }
  }

  #onGone({ epoch }: Beat): void {
    if (this.#origin && this.#origin.epoch !== epoch) return;
    const { current } = this.#camera;
    if (current) this.#changeTo(current);
    else this.#failWithoutOrigin();
  }

  /** Handles the hub's answer that nobody has subscribed to the wants. */
  #onAnswer({ noResponders }: Message): void {
    if (!noResponders || this.#isClosed) return;
    const now = this.#options.clock.monotonic();
    const wasPublished = now - this.#camera.beatAt < ORIGIN_TIMEOUT;
    this.#camera.forgetOrigins();
    this.#origin = undefined;
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
      this.#patience.reset();
      this.#askAgainAfter = ASK_INTERVAL;
      this.#begin();
    } else {
      this.#disconnectedAt = now;
      this.#closeLanes();
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
    const lastAt = Math.max(this.#arrivedAt, this.#openedAt, this.#askedAgainAt);
    if (now - lastAt >= this.#askAgainAfter) this.#wantAll();
    else if (now - this.#askedAt >= CHECK_INTERVAL / 2) this.#want({});
  }

  /** Changes to another origin, or fails, if no frames arrive. @returns Whether it has failed. */
  #checkFrames(now: number): boolean {
    const rival = this.#origin && this.#camera.rival(this.#origin, now - SILENCE);
    if (rival && this.#mayFollow(rival)) this.#changeTo(rival);
    const failure = this.#patience.check({
      now,
      openedAt: this.#openedAt,
      camera: this.#camera,
      origin: this.#origin,
      fps: Math.min(...[...this.#receivers].map(({ fps = Infinity }) => fps)),
    });
    if (failure === "unclear") this.#probe(now);
    if (failure === undefined || failure === "unclear") return false;
    this.#fail(failure.message, failure);
    return true;
  }

  /** Finds out whether there is something on the way from the hub: its answer would be behind. */
  #probe(now: number): void {
    if (this.#isProbing) return;
    this.#isProbing = true;
    this.#options.bus.flush().then((answered) => {
      this.#isProbing = false;
      if (answered) this.#patience.onAnswer(now);
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
