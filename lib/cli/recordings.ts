import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Recording } from "../recording/mod.ts";
import { recordedCameras } from "../recording/settings.ts";
import type { ServerConfig } from "./settings.ts";

/** Options of {@link openRecordings}. */
export interface OpenRecordingsOptions {
  /** All cameras of the server. */
  readonly cameras: readonly Camera[];
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
  { cameras, ...common }: OpenRecordingsOptions,
): Promise<Recording | undefined> {
  const { dir, maxBytes, retention } = settings;
  if (dir === undefined) return undefined;
  const { openRecording } = await import("../recording/mod.ts");
  const recorded = recordedCameras(configs).map(({ name, recording: { fps } }) => ({
    camera: cameras.find((camera) => camera.name === name)!,
    fps,
  }));
  return await openRecording({ ...common, dir, maxBytes, retention, cameras: recorded });
}
