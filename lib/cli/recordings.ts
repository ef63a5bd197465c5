import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Recording } from "../recording/mod.ts";
import { recordedCameras } from "../recording/settings.ts";
import type { CameraSound } from "../sound_packet.ts";
import type { ServerConfig } from "./settings.ts";

/** Options of {@link openRecordings}. */
export interface OpenRecordingsOptions {
  /** All cameras of the server. */
  readonly cameras: readonly Camera[];
  /** The microphones, if a camera has one. */
  readonly sounds?: { of(camera: string): CameraSound | undefined };
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Opens the recordings in `RECORD_DIR` and starts to record; undefined if it is not set. The module
 * is loaded only when it is needed.
 *
 * @throws {ConfigError} If the server cannot record there.
 */
export async function openRecordings(
  { recording: settings, cameras: configs }: ServerConfig,
  { cameras, sounds, ...common }: OpenRecordingsOptions,
): Promise<Recording | undefined> {
  const { dir, maxBytes, retention } = settings;
  if (dir === undefined) return undefined;
  const { openRecording } = await import("../recording/mod.ts");
  const recorded = recordedCameras(configs).map(({ name, recording: { fps, audio } }) => {
    const sound = audio ? sounds?.of(name) : undefined;
    if (audio && !sound) {
      common.log.warn("sound not recorded", { camera: name, reason: "RECORD_AUDIO needs AUDIO" });
    }
    return { camera: cameras.find((camera) => camera.name === name)!, fps, sound };
  });
  return await openRecording({ ...common, dir, maxBytes, retention, cameras: recorded });
}
