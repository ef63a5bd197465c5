import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import { messageWithHint } from "../errors.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/hub.ts";
import type { Log } from "../log.ts";
import { shorten } from "../quote.ts";
import type { Bus, Message } from "./bus.ts";
import { decodeWant } from "./decode.ts";
import { EdgeTable } from "./edge_table.ts";
import type { PublicationStats } from "./nats_hub.ts";
import {
  type Beat,
  BEAT_INTERVAL,
  beatSubject,
  encodeFrame,
  FRAME_HEADER,
  frameSubject,
  MAX_REASON,
  type Want,
  wantSubject,
} from "./protocol.ts";
import type { Uplink } from "./uplink.ts";

/**
 * Maximum age of a frame when it is sent, in milliseconds. The frame of a slow camera can be older;
 * see {@link FRESH_INTERVALS}.
 */
const MAX_AGE = 500;
/** Maximum age of the frame of a slow camera, in intervals between two frames. */
const FRESH_INTERVALS = 1.5;
/** Share of a camera's interval in which a frame may be sent again, to edges that missed it. */
const COPIES = 0.5;
/** Minimum time between two log lines about invalid messages, in milliseconds. */
const LOG_INTERVAL = 60_000;

/** Options of a {@link Publication}. */
export interface PublicationOptions {
  readonly camera: Pick<
    Camera,
    "name" | "driver" | "latest" | "join" | "leave" | "retryNow" | "stats"
  >;
  readonly bus: Bus;
  readonly uplink: Uplink;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Publishes one camera: sends its newest frame, once for all edges, whenever one has room for it.
 * The camera runs for it only while an edge watches.
 */
export class Publication implements Subscriber<Frame>, Disposable {
  readonly role = "background";

  /** See {@link Beat.epoch}. */
  readonly epoch: number;

  readonly #options: PublicationOptions;
  readonly #edges = new EdgeTable();
  readonly #stack = new DisposableStack();
  /** Whether it has joined the camera. */
  #joined = false;
  /** The lanes with a frame on its way to the hub, as bits. */
  #busy = 0;
  #sentSequence = 0;
  /** How often the frame with that number was sent. */
  #sentTimes = 0;
  /** Arrival of the camera's latest frame; NaN if there is none. */
  #arrivedAt = NaN;
  /** Time between its latest two frames, in milliseconds; NaN while it is unknown. */
  #interval = NaN;
  /** The last frame that was too large. */
  #tooLargeSequence = 0;
  /** Why no frame is sent although the camera delivers some. */
  #tooLargeReason: string | undefined;
  #frames = 0;
  #bytes = 0;
  #tooLarge = 0;
  #beatAt = -Infinity;
  /** The state in the latest beat. */
  #reported = "";
  #loggedAt = -Infinity;

  constructor(options: PublicationOptions) {
    this.#options = options;
    const { camera: { name }, bus, uplink, clock } = options;
    this.epoch = clock.now() + Math.random();
    this.#stack.use(uplink.add(() => this.#sendNewest()));
    this.#stack.use(bus.subscribe(wantSubject(name), (message) => this.#onMessage(message)));
    if (bus.connected) this.#beat();
  }

  /** Returns its counters. */
  get stats(): PublicationStats {
    const { size: edges } = this.#edges;
    return { edges, frames: this.#frames, bytes: this.#bytes, tooLarge: this.#tooLarge };
  }

  /** Called by the camera for each frame. A frame for which there is no room waits for the next. */
  offer({ monotonic }: Frame): void {
    this.#interval = monotonic - this.#arrivedAt;
    this.#arrivedAt = monotonic;
    this.#sendNewest();
  }

  /** Called by the camera when it is closed. */
  end(): void {
    this.#joined = false;
  }

  /** Called when the connection is made or lost. */
  onConnection(connected: boolean): void {
    if (connected) {
      this.#tooLargeReason = undefined; // the hub may have a larger max_payload now
      this.#beat();
    } else {
      // Not when it is made again: wants of edges may arrive before this is called.
      this.#edges.closeLanes();
      this.#busy = 0;
    }
  }

  /** Called regularly: removes silent edges, and sends a beat if it is due or the state has changed. */
  check(): void {
    const now = this.#options.clock.monotonic();
    this.#edges.expire(now);
    this.#leaveIfUnwatched();
    if (!this.#options.bus.connected) return;
    const { state, error, watched } = this.#describe();
    if (now - this.#beatAt >= BEAT_INTERVAL || this.#reported !== `${state} ${watched} ${error}`) {
      this.#beat();
    }
  }

  /** Leaves the camera, and sends the last beat. */
  [Symbol.dispose](): void {
    if (this.#stack.disposed) return;
    this.#stack.dispose();
    this.#edges.clear();
    this.#leaveIfUnwatched();
    this.#beat({ gone: true });
  }

  #onMessage({ data }: Message): void {
    const want = decodeWant(data);
    if (!want) return this.#logInvalid();
    // The edge may have chosen another origin of this name.
    const isForThis = want.epoch === undefined || want.epoch === this.epoch;
    if (!isForThis || want.bye) {
      this.#edges.remove(want.edge);
      this.#leaveIfUnwatched();
    } else this.#onWant(want);
  }

  #onWant({ edge, lane, new: isNew }: Want): void {
    const { camera, clock } = this.#options;
    const now = clock.monotonic();
    const isFirst = this.#edges.renew(edge, now);
    if (lane !== undefined) this.#edges.open(edge, lane, { isNew, now });
    if (!this.#joined) {
      this.#joined = true;
      camera.join(this);
    }
    if (isFirst) camera.retryNow(); // as the request of a viewer does
    // Usually the edge has just received the newest one.
    if (!this.#edges.wasSent(edge, camera.latest?.sequence ?? 0)) this.#sendNewest();
  }

  #leaveIfUnwatched(): void {
    if (this.#edges.size > 0) return;
    this.#edges.clear();
    if (!this.#joined) return;
    this.#joined = false;
    this.#arrivedAt = NaN;
    this.#options.camera.leave(this);
  }

  /** Sends the camera's newest frame if an edge has room for it. @returns Whether it was sent. */
  #sendNewest(): boolean {
    const { camera: { latest }, bus, uplink, clock } = this.#options;
    if (!latest || !this.#joined || !bus.connected || !uplink.hasRoom) return false;
    const now = clock.monotonic();
    const { sequence } = latest;
    const lane = this.#edges.select(sequence, {
      now,
      busy: this.#busy,
      isRepeat: sequence === this.#sentSequence,
      copies: (this.#sentTimes + 1) * uplink.transfer <= COPIES * this.#interval,
    });
    if (lane === undefined || !this.#isFresh(latest, now) || !this.#send(latest, lane)) {
      return false;
    }
    this.#edges.serve(lane, { sequence, now });
    return true;
  }

  /** Whether a frame is young enough to be sent. */
  #isFresh({ monotonic }: Frame, now: number): boolean {
    const age = now - monotonic;
    if (age <= MAX_AGE) return true;
    const { fps } = this.#options.camera.stats();
    return fps > 0 && age <= FRESH_INTERVALS * 1000 / fps;
  }

  #send({ jpeg, capturedAt, monotonic, sequence }: Frame, lane: number): boolean {
    const { camera, bus, uplink } = this.#options;
    const size = FRAME_HEADER + jpeg.length;
    if (size > bus.maxPayload) {
      this.#onTooLarge(sequence, size);
      return false;
    }
    const header = {
      capturedAt,
      monotonic,
      epoch: this.epoch,
      sequence,
      roundTrip: uplink.roundTrip,
    };
    const data = encodeFrame(jpeg, header);
    const bit = 1 << lane;
    const isSent = uplink.send(frameSubject(camera.name, lane), data, () => this.#busy &= ~bit);
    if (!isSent) return false;
    this.#sentTimes = sequence === this.#sentSequence ? this.#sentTimes + 1 : 1;
    this.#sentSequence = sequence;
    this.#busy |= bit;
    this.#frames++;
    this.#bytes += size;
    this.#tooLargeReason = undefined;
    return true;
  }

  #onTooLarge(sequence: number, size: number): void {
    const { camera, bus, log } = this.#options;
    if (sequence === this.#tooLargeSequence) return;
    this.#tooLargeSequence = sequence;
    this.#tooLargeReason = `A frame of ${size} bytes is larger than the hub's max_payload of ` +
      `${bus.maxPayload} bytes (raise max_payload to 8MB in the configuration of nats-server)`;
    if (this.#tooLarge++ === 0) {
      log.warn("frames not published", { camera: camera.name, reason: this.#tooLargeReason });
    }
  }

  #describe(): Pick<Beat, "state" | "error" | "fps" | "size" | "watched"> {
    const { state, error, fps, size } = this.#options.camera.stats();
    const reason = error ? messageWithHint(error) : this.#tooLargeReason;
    return {
      state: reason === undefined ? state : "failed",
      error: reason === undefined ? undefined : shorten(reason, MAX_REASON),
      fps: Math.round(fps * 10) / 10,
      size: size && `${size.width}x${size.height}`,
      watched: this.#edges.size > 0,
    };
  }

  #beat({ gone }: Pick<Beat, "gone"> = {}): void {
    const { camera: { name, driver }, bus, clock } = this.#options;
    const state = this.#describe();
    const [now, monotonic] = [clock.now(), clock.monotonic()];
    const beat: Beat = { camera: name, epoch: this.epoch, now, monotonic, driver, ...state, gone };
    if (!bus.publish(beatSubject(name), JSON.stringify(beat))) return;
    this.#beatAt = monotonic;
    this.#reported = `${state.state} ${state.watched} ${state.error}`;
  }

  /** Logs, but not often, that a message is no want. */
  #logInvalid(): void {
    const { camera, clock, log } = this.#options;
    const now = clock.monotonic();
    if (now - this.#loggedAt < LOG_INTERVAL) return;
    this.#loggedAt = now;
    log.warn("invalid message from an edge ignored", { camera: camera.name });
  }
}
