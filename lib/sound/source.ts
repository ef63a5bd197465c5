import type { Clock } from "../clock.ts";
import { readTrust } from "../upstream/mod.ts";
import type { OpenSound } from "./chunk.ts";
import { openDevice } from "./devices.ts";
import { openProgram } from "./program.ts";
import { openRelay } from "./relay.ts";
import type { AudioSource } from "./settings.ts";

/** A microphone to open. */
export interface SourceOptions {
  readonly audio: AudioSource;
  /** Samples per second. */
  readonly rate: number;
  /** `SOURCE_CERT`, for a microphone behind https. */
  readonly certificate: string | undefined;
  /** Names of the cameras with this sound. */
  readonly cameras: readonly string[];
  readonly clock: Clock;
}

/**
 * Returns the source of the sound of a microphone; undefined if `AUDIO` names none (`off`, `test`).
 *
 * @throws {ConfigError} If `SOURCE_CERT` is invalid.
 */
export function openMicrophone(
  { audio, rate, certificate, cameras, clock }: SourceOptions,
): OpenSound | undefined {
  switch (audio.type) {
    case "device":
      return openDevice({ ...audio, rate });
    case "program":
      return openProgram({ ...audio, rate, clock });
    case "address":
      return openRelay({
        ...audio,
        trust: readTrust({ SOURCE_CERT: certificate }),
        cameras,
        rate,
      });
  }
}
