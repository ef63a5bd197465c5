import type { Bytes } from "./bytes.ts";
import type { CameraError } from "./errors.ts";
import type { Subscriber } from "./hub/hub.ts";

/** Duration of a packet, in milliseconds. */
export const PACKET_DURATION = 20;

/** Sound of one camera's microphone, {@link PACKET_DURATION} long. */
export interface SoundPacket {
  /** 16-bit samples, little-endian, mono. Shared by all listeners, like a JPEG: do not write to it. */
  readonly samples: Bytes;
  /**
   * When the first sample was heard, in milliseconds since the Unix epoch, by the clock of the same
   * camera's `Frame.capturedAt`. `AUDIO_DELAY` is included: a picture and a sound of the same moment
   * have the same time.
   */
  readonly heardAt: number;
  /** From 1; a gap is what was dropped. */
  readonly sequence: number;
}

/**
 * The sound of one camera. Its capture runs while a subscriber needs it, restarts after a failure,
 * and is independent of the camera's pictures.
 */
export interface CameraSound {
  /** Samples per second. */
  readonly rate: number;
  /** Why there is no sound; undefined while sound is flowing or nobody listens. */
  readonly error: CameraError | undefined;
  /** How long a client should wait before retrying, in milliseconds. */
  readonly retryAfter: number;
  /** Adds a subscriber, and starts the capture if the subscriber needs it. */
  join(subscriber: Subscriber<SoundPacket>): void;
  /** Removes a subscriber. */
  leave(subscriber: Subscriber<SoundPacket>): void;
  /** Requests sound for a client: retries even a permanent failure. */
  retryNow(options?: { skipDelay?: boolean }): void;
  /**
   * Waits until sound is flowing. A subscriber must have joined.
   *
   * @throws {CameraError} If the microphone delivers no sound.
   */
  ready(): Promise<void>;
}
