import type { RetryOptions } from "../camera/backoff.ts";
import type { Clock } from "../clock.ts";
import type { CameraError } from "../errors.ts";
import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/hub.ts";
import type { CameraSound, SoundPacket } from "../sound_packet.ts";
import { CameraClock } from "./camera_clock.ts";
import type { Microphone, NumberedPacket } from "./microphone.ts";

/** State of a camera's sound. `failed` lasts until sound flows again, even without listeners. */
export interface SoundStatus {
  readonly state: "off" | "starting" | "streaming" | "failed";
  /** Number of listeners of this camera. */
  readonly listeners: number;
  /** Samples per second. */
  readonly rate: number;
  /** Why there is no sound; undefined while sound is flowing or the microphone is off. */
  readonly error: CameraError | undefined;
  /** The last failure, even if the microphone has recovered from it. */
  readonly lastFailure: CameraError | undefined;
  /** Number of packets captured since the server started. */
  readonly packets: number;
  /** Number of failures. */
  readonly failures: number;
}

/** Options of a {@link MicrophoneSound}. */
export interface MicrophoneSoundOptions {
  readonly microphone: Microphone;
  /** The camera, whose frames tell its clock. */
  readonly camera: { readonly latest: Frame | undefined };
  /** Time to add to the time of each packet, in milliseconds: `AUDIO_DELAY`. */
  readonly delay: number;
  /** Whether the packets' own times are by the clock of the camera's frames. */
  readonly timed: boolean;
  readonly clock: Clock;
}

/** The sound of a microphone, by the clock of one of the cameras that use it. */
export class MicrophoneSound implements CameraSound {
  readonly #microphone: Microphone;
  readonly #delay: number;
  readonly #timed: boolean;
  readonly #clock: CameraClock;
  /** What has joined the microphone in place of each subscriber. */
  readonly #joined = new Map<Subscriber<SoundPacket>, Subscriber<NumberedPacket>>();
  /** The last packet, which all subscribers share. */
  #last: SoundPacket | undefined;

  constructor({ microphone, camera, delay, timed, clock }: MicrophoneSoundOptions) {
    this.#microphone = microphone;
    this.#delay = delay;
    this.#timed = timed;
    this.#clock = new CameraClock(camera, clock);
  }

  get rate(): number {
    return this.#microphone.rate;
  }

  get error(): CameraError | undefined {
    return this.#microphone.error;
  }

  get retryAfter(): number {
    return this.#microphone.retryAfter;
  }

  join(subscriber: Subscriber<SoundPacket>): void {
    if (this.#joined.has(subscriber)) return;
    const { role, keepsRunning } = subscriber;
    const joined: Subscriber<NumberedPacket> = {
      role,
      keepsRunning,
      offer: (packet) => subscriber.offer(this.#stamp(packet)),
      end: (failure) => {
        this.#joined.delete(subscriber);
        subscriber.end(failure);
      },
    };
    this.#joined.set(subscriber, joined);
    this.#microphone.join(joined);
  }

  leave(subscriber: Subscriber<SoundPacket>): void {
    const joined = this.#joined.get(subscriber);
    if (!joined) return;
    this.#joined.delete(subscriber);
    this.#microphone.leave(joined);
  }

  retryNow(options?: RetryOptions): void {
    this.#microphone.retryNow(options);
  }

  ready(): Promise<void> {
    return this.#microphone.ready();
  }

  /** Returns the state and counters. */
  status(): SoundStatus {
    const { state, rate, error, lastFailure, packets, failures } = this.#microphone;
    let listeners = 0;
    for (const { role } of this.#joined.keys()) if (role === "viewer") listeners++;
    return { state, listeners, rate, error, lastFailure, packets, failures };
  }

  #stamp({ samples, sequence, monotonic, heardAt }: NumberedPacket): SoundPacket {
    if (this.#last?.sequence === sequence) return this.#last;
    const time = this.#timed && heardAt !== undefined ? heardAt : this.#clock.at(monotonic);
    return this.#last = { samples, sequence, heardAt: time + this.#delay };
  }
}
