import type { SoundStats } from "../metrics/mod.ts";
import type { Sounds, SoundStatus } from "../sound/mod.ts";
import type { CameraSound } from "../sound_packet.ts";
import { asFailure, type StatusSource } from "./camera_status.ts";
import { HttpError } from "./errors.ts";

/** The sound of the server's cameras, for the routes. */
export class CameraSounds {
  readonly #sounds: Sounds | undefined;
  /** Packets that listeners were too slow to receive, by camera. */
  readonly #dropped = new Map<string, number>();

  /** @param sounds Undefined if no camera has sound. */
  constructor(sounds: Sounds | undefined) {
    this.#sounds = sounds;
  }

  /** Returns a camera's sound; undefined if it has none. */
  of(camera: string): CameraSound | undefined {
    return this.#sounds?.of(camera);
  }

  /**
   * Returns a camera's sound.
   *
   * @throws {HttpError} 404 if the camera has none.
   */
  get(camera: string): CameraSound {
    const sound = this.of(camera);
    if (sound) return sound;
    throw new HttpError(
      404,
      `Camera "${camera}" has no sound: set AUDIO to its microphone, see the README`,
    );
  }

  /** Counts a packet that a listener was too slow to receive. */
  countDropped(camera: string): void {
    this.#dropped.set(camera, this.droppedOf(camera) + 1);
  }

  /** Number of packets that a camera's listeners were too slow to receive. */
  droppedOf(camera: string): number {
    return this.#dropped.get(camera) ?? 0;
  }

  /** Describes the sound in the cameras' status: null for a camera without sound. */
  get status(): StatusSource {
    return { describe: (camera) => ({ sound: asJson(this.#sounds?.status(camera)) }) };
  }

  /** Returns the state of the cameras' sound, for metrics; nothing for cameras without sound. */
  stats(cameras: readonly string[]): SoundStats[] {
    return cameras.flatMap((camera) => {
      const status = this.#sounds?.status(camera);
      if (!status) return [];
      const { state, listeners, packets, failures } = status;
      return [{ camera, state, listeners, packets, failures, dropped: this.droppedOf(camera) }];
    });
  }
}

/** The state of a sound as JSON, for clients. */
function asJson(status: SoundStatus | undefined) {
  if (!status) return null;
  const { state, listeners, rate, lastFailure } = status;
  return { state, listeners, rate, lastFailure: lastFailure ? asFailure(lastFailure) : null };
}
