import type { Clock } from "../clock.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/subscriber.ts";
import type { CameraSound, SoundPacket } from "../sound_packet.ts";
import { SoundClock } from "./sound_clock.ts";
import { SoundQueue } from "./sound_queue.ts";

/** Maximum size of the sound that waits for the disk, in bytes: 40 s at 48 kHz. */
export const MAX_SOUND_QUEUE = 4 * 1024 * 1024;
/** Time after which a silent microphone is requested to retry, in milliseconds; again each time. */
const RETRY_INTERVAL = 60_000;
/** After this long without a packet, nothing waits for the microphone. In milliseconds. */
const FLOWING = 500;

/** Options of a {@link SoundInput}. */
export interface SoundInputOptions {
  readonly sound: Pick<CameraSound, "rate" | "join" | "leave" | "retryNow">;
  readonly clock: Clock;
  /** Is called after each packet. */
  readonly onPacket: () => void;
}

/**
 * The sound that a recorder receives: while it has joined, the microphone runs. Its failures are
 * those of the microphone alone: there is no sound until it is back.
 */
export class SoundInput implements Subscriber<SoundPacket> {
  readonly role = "background";
  /** Number of packets that could not be recorded. */
  dropped = 0;
  readonly #options: SoundInputOptions;
  #queue: SoundQueue;
  readonly #clock: SoundClock;
  #hasJoined = false;
  /** Whether the hub has ended the subscription. */
  #hasEnded = false;
  #lastArrival = -Infinity;
  #askedAt = 0;

  constructor(options: SoundInputOptions) {
    this.#options = options;
    const { rate } = options.sound;
    this.#queue = new SoundQueue({ rate, limit: MAX_SOUND_QUEUE });
    this.#clock = new SoundClock(rate);
  }

  /** The sound that waits for the disk. */
  get queue(): SoundQueue {
    return this.#queue;
  }

  /** Joins the microphone, which runs from now on. */
  join(): void {
    this.#hasJoined = true;
    this.#askedAt = this.#options.clock.monotonic();
    this.#options.sound.join(this);
  }

  leave(): void {
    if (this.#hasJoined) this.#options.sound.leave(this);
    this.#hasJoined = false;
  }

  /** Takes note of a frame of the camera, whether it is recorded or not. */
  observe(frame: Frame): void {
    this.#clock.observe(frame);
  }

  /** Takes a packet, and returns at once. */
  offer(packet: SoundPacket): void {
    const { sound: { rate }, clock, onPacket } = this.#options;
    if (!this.#hasJoined) return;
    this.#lastArrival = clock.monotonic();
    if (rate !== this.#queue.rate) this.#changeRate(rate);
    const place = this.#clock.place(packet, this.#lastArrival);
    if (place && !this.#queue.offer({ samples: packet.samples, ...place })) this.dropped++;
    onPacket();
  }

  /** Called by the hub when it ends. */
  end(): void {
    this.#hasEnded = true;
  }

  /** Whether sound from before a time, on the monotonic clock, is likely to come. */
  expects(time: number): boolean {
    const now = this.#options.clock.monotonic();
    return this.#clock.end < time && now - time < FLOWING && now - this.#lastArrival < FLOWING;
  }

  /** Discards what waits. @param options.count Whether it counts as dropped. */
  clear({ count }: { count: boolean }): void {
    const { length } = this.#queue;
    this.#queue.remove(length);
    if (count) this.dropped += length;
  }

  /** Requests a silent microphone to retry, at intervals. */
  check(now: number): void {
    const since = Math.max(this.#lastArrival, this.#askedAt);
    if (!this.#hasJoined || now - since < RETRY_INTERVAL) return;
    this.#askedAt = now;
    if (this.#hasEnded) {
      this.#hasEnded = false;
      this.#options.sound.join(this);
    } else this.#options.sound.retryNow(); // a permanent failure is retried on request only
  }

  #changeRate(rate: number): void {
    this.clear({ count: true });
    this.#queue = new SoundQueue({ rate, limit: MAX_SOUND_QUEUE });
    this.#clock.rate = rate;
  }
}
