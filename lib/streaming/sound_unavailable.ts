import { CameraError, messageWithHint } from "../errors.ts";
import type { CameraSound } from "../sound_packet.ts";

/** A microphone delivers no sound; the message says why. */
export class SoundUnavailable extends Error {
  override name = "SoundUnavailable";
  override readonly cause: CameraError;
  /** How long a client should wait before retrying, in milliseconds. */
  readonly retryAfter: number;

  constructor(camera: string, { cause, retryAfter }: { cause: CameraError; retryAfter: number }) {
    super(`Cannot play the sound of camera "${camera}": ${messageWithHint(cause)}`);
    this.cause = cause;
    this.retryAfter = retryAfter;
  }
}

/**
 * Waits until a camera's sound is flowing.
 *
 * @throws {SoundUnavailable} If the microphone delivers no sound.
 */
export async function soundReady(camera: string, sound: CameraSound): Promise<void> {
  try {
    await sound.ready();
  } catch (error) {
    if (!(error instanceof CameraError)) throw error;
    throw new SoundUnavailable(camera, { cause: error, retryAfter: sound.retryAfter });
  }
}
