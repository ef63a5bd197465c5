import { CameraError, messageWithHint, RequestError } from "../errors.ts";
import type { CameraSound } from "../sound_packet.ts";

/** A microphone delivers no sound; the message says why. */
export class SoundUnavailable extends RequestError {
  override name = "SoundUnavailable";

  constructor(camera: string, options: { cause: CameraError; retryAfter: number }) {
    super(
      `Cannot play the sound of camera "${camera}": ${messageWithHint(options.cause)}`,
      options,
    );
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
