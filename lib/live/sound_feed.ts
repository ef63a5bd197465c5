import type { Subscriber } from "../hub/hub.ts";
import type { CameraSound, SoundPacket } from "../sound_packet.ts";

/** Sound that may wait for a slow client, in milliseconds; what comes then is dropped. */
const MAX_WAITING = 200;

/** Returns how much sound of a rate may wait for a slow client, in bytes. */
export function maxWaiting(rate: number): number {
  return rate * 2 * MAX_WAITING / 1000;
}

/** Options of a {@link SoundFeed}. */
export interface SoundFeedOptions {
  sound: CameraSound;
  /** Sends a packet, unless too much is waiting for the client. @returns Whether it was sent. */
  send: (packet: SoundPacket) => boolean;
  /** Called for each packet that the client was too slow to receive. */
  onDropped: () => void;
}

/**
 * One client's subscription to the sound of one camera. Packets are not acknowledged: they are
 * small, and belong together.
 */
export class SoundFeed implements Subscriber<SoundPacket> {
  readonly role = "viewer";
  /** Bytes that may wait for a slow client. */
  readonly maxWaiting: number;

  readonly #options: SoundFeedOptions;
  #joined = false;

  constructor(options: SoundFeedOptions) {
    this.#options = options;
    this.maxWaiting = maxWaiting(options.sound.rate);
  }

  /** Whether the client is listening. */
  get joined(): boolean {
    return this.#joined;
  }

  /**
   * Joins the sound, and makes it retry after a permanent failure.
   *
   * @param skipDelay Whether to retry without a delay.
   */
  join(skipDelay = false): void {
    const { sound } = this.#options;
    if (!this.#joined) {
      this.#joined = true;
      sound.join(this);
    }
    sound.retryNow({ skipDelay });
  }

  /** Leaves the sound. */
  leave(): void {
    if (!this.#joined) return;
    this.#joined = false;
    this.#options.sound.leave(this);
  }

  /** Called for each packet. */
  offer(packet: SoundPacket): void {
    if (!this.#options.send(packet)) this.#options.onDropped();
  }

  /** Called when there will be no more sound. The pictures do not depend on it. */
  end(): void {
    this.#joined = false;
  }
}
