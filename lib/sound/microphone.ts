import { Backoff, type RetryOptions } from "../camera/backoff.ts";
import { FirstFrame } from "../camera/first_frame.ts";
import { restarting } from "../camera/restart.ts";
import { stalling, type StallTimeouts, type StallWords } from "../camera/stall.ts";
import { type Clock, settlesWithin } from "../clock.ts";
import { CameraError } from "../errors.ts";
import { Hub, type Subscriber } from "../hub/hub.ts";
import { pushing, type Source } from "../hub/source.ts";
import type { OpenSound } from "./chunk.ts";
import type { MicrophoneLog } from "./microphone_log.ts";
import { type CapturedPacket, toPackets } from "./packets.ts";

/** Timeouts of a capture. Microphones deliver samples all the time, also in silence. */
const TIMEOUTS: StallTimeouts = { firstFrame: 10_000, nextFrame: 2_000 };
/** Time limit for a stalled capture to report the reason, in milliseconds. */
const STOP_TIMEOUT = 2_500;

const WORDS: StallWords = { device: "microphone", first: "sound", item: "sound", any: "sound" };
const CLOSED = "The server is shutting down";

/** A packet with its number. */
export interface NumberedPacket extends CapturedPacket {
  /** From 1. */
  readonly sequence: number;
}

/** State of a microphone. `failed` lasts until sound flows again, even without listeners. */
export type MicrophoneState = "off" | "starting" | "streaming" | "failed";

/** Options of a {@link Microphone}. */
export interface MicrophoneOptions {
  /** The cameras that use it, for the log: `front,back`. */
  readonly cameras: string;
  readonly open: OpenSound;
  /** Samples per second. */
  readonly rate: number;
  /** How long the capture keeps running after the last listener, in milliseconds. */
  readonly idleTimeout: number;
  readonly clock: Clock;
  readonly log: MicrophoneLog;
}

/**
 * A microphone: its capture runs while a subscriber needs it, restarts after a failure, and
 * delivers the same packets to all subscribers.
 */
export class Microphone implements AsyncDisposable {
  /** Samples per second. */
  readonly rate: number;
  /** The last failure, even if the microphone has recovered from it. */
  lastFailure: CameraError | undefined;
  /** Number of packets captured. */
  packets = 0;

  readonly #cameras: string;
  readonly #clock: Clock;
  readonly #log: MicrophoneLog;
  readonly #hub: Hub<NumberedPacket>;
  readonly #backoff: Backoff<CameraError>;
  readonly #first: FirstFrame;
  #recovering = false;
  /** Resolves at the next failure. */
  #failed = Promise.withResolvers<void>();
  #closed: CameraError | undefined;

  constructor({ cameras, open, rate, idleTimeout, clock, log }: MicrophoneOptions) {
    this.rate = rate;
    this.#cameras = cameras;
    this.#clock = clock;
    this.#log = log;
    this.#first = new FirstFrame(clock);
    this.#backoff = new Backoff({
      clock,
      onFailure: (error, delay) => this.#onFailure(error, delay),
    });
    const packets = stalling(pushing(toPackets(open, { clock, rate })), {
      clock,
      words: WORDS,
      ...TIMEOUTS,
    });
    const source = restarting(packets, this.#backoff, {
      onEnd: () => new CameraError("The microphone's stream ended"),
      toFailure: toCameraError,
    });
    this.#hub = new Hub(this.#number(source), { clock, idleTimeout });
  }

  /** Whether sound is flowing, or why not. */
  get state(): MicrophoneState {
    if (this.error) return "failed";
    if (!this.#hub.running) return "off";
    return this.#first.arrived ? "streaming" : "starting";
  }

  /** Why there is no sound; undefined while sound is flowing or the microphone is off. */
  get error(): CameraError | undefined {
    return this.#backoff.lastError;
  }

  /** Number of failures. */
  get failures(): number {
    return this.#backoff.total;
  }

  /** See `CameraSound.retryAfter`. */
  get retryAfter(): number {
    return this.#backoff.remaining;
  }

  /** See `CameraSound.retryNow`. */
  retryNow(options?: RetryOptions): void {
    this.#backoff.retryNow(options);
  }

  /** Adds a subscriber, and starts the capture if the subscriber needs it. */
  join(subscriber: Subscriber<NumberedPacket>): void {
    this.#hub.join(subscriber);
  }

  /** Removes a subscriber. */
  leave(subscriber: Subscriber<NumberedPacket>): void {
    this.#hub.leave(subscriber);
  }

  /** See `CameraSound.ready`. */
  async ready(): Promise<void> {
    if (this.#closed) throw this.#closed;
    if (this.#first.arrived) return;
    if (this.error && this.retryAfter > 0) throw this.error;
    this.#backoff.retryNow();
    if (!await this.#first.wait(TIMEOUTS.firstFrame)) throw await this.#timeoutError();
  }

  /**
   * Ends all subscribers and stops the capture.
   *
   * @param reason Abort reason; see `ImmediateStop`.
   */
  async close(reason?: unknown): Promise<void> {
    this.#closed = new CameraError(CLOSED);
    this.#first.fail(this.#closed);
    await this.#hub.close(reason);
  }

  /** {@link close} without a reason. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #number(source: Source<CapturedPacket>): Source<NumberedPacket> {
    return async (signal, push) => {
      try {
        await source(signal, (packet) => {
          if (!this.#first.arrived) this.#onStart();
          push({ ...packet, sequence: ++this.packets });
          // A later subscriber waits for the next packet: this one is old if the capture has hung.
          this.#hub.clearLatest();
          this.#first.arrive();
        });
      } finally {
        this.#first.reset();
        this.#log.stopped(this.#cameras);
      }
    };
  }

  #onStart(): void {
    this.#log.started(this.#cameras, { rate: this.rate, recovered: this.#recovering });
    this.#recovering = false;
  }

  #onFailure(error: CameraError, delay: number): void {
    // Clients keep waiting through an immediate retry.
    if (delay > 0 || error.permanent) this.#first.fail(error);
    else this.#first.reset();
    this.lastFailure = error;
    this.#failed.resolve();
    this.#failed = Promise.withResolvers();
    this.#recovering = true;
    this.#log.failed(this.#cameras, error, delay);
  }

  /**
   * Returns the reason why no sound has arrived in time. A stalled capture is being stopped, and
   * may report the reason.
   */
  async #timeoutError(): Promise<CameraError> {
    if (!this.error) await settlesWithin(this.#failed.promise, STOP_TIMEOUT, this.#clock);
    const seconds = TIMEOUTS.firstFrame / 1_000;
    return this.error ?? new CameraError(`No sound from the microphone for ${seconds} s`);
  }
}

function toCameraError(error: unknown): CameraError {
  if (error instanceof CameraError) return error;
  return new CameraError("Cannot capture sound", { cause: error });
}
