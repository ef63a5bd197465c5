import type { Camera } from "../camera/camera.ts";
import { type CameraList, followCameras } from "../camera/camera_list.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Recording, RecordOptions } from "../recording/mod.ts";
import { isRecorded, type RecordingSettings, unknownToRecord } from "../recording/settings.ts";
import type { CameraSound } from "../sound_packet.ts";

/** The cameras of the server, as {@link openRecordings} needs them. */
export interface CamerasToRecord extends CameraList {
  /** The cameras that `CAMERA` names. */
  readonly configured: readonly Camera[];
  /** Sets which cameras stay in the list although they have disappeared. */
  keep(keeps: (camera: Camera) => boolean): void;
}

/** Options of {@link openRecordings}. */
export interface OpenRecordingsOptions {
  readonly cameras: CamerasToRecord;
  /** Returns the settings of a camera in the list. */
  readonly settingsOf: (camera: Camera) => RecordingSettings;
  /** The microphones, if a camera has one. */
  readonly sounds?: { of(camera: string): CameraSound | undefined };
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Opens the recordings in `RECORD_DIR`, and records the cameras of the list that `RECORD` selects,
 * also those that appear later; undefined if `RECORD_DIR` is not set. The module is loaded only
 * when it is needed.
 *
 * A recorded camera stays in the list until the server ends, so that its recordings stay available
 * while it delivers no frames. One that has none leaves it: the names are those of strangers, and
 * the list is limited.
 *
 * @param settings The settings of recording for the whole server.
 * @throws {ConfigError} If the server cannot record there.
 */
export async function openRecordings(
  settings: RecordingSettings,
  { cameras, settingsOf, sounds, ...common }: OpenRecordingsOptions,
): Promise<Recording | undefined> {
  const { dir, maxBytes, retention } = settings;
  if (dir === undefined) return undefined;
  const { openRecording }: typeof import("../recording/mod.ts") = await import(
    import.meta.resolve("../recording/mod.ts")
  );
  const expected = expectedCameras(settings, cameras);
  const recording = await openRecording({ ...common, dir, maxBytes, retention, expected });
  const optionsFor = (camera: Camera): RecordOptions | undefined => {
    const { name } = camera;
    const { record, fps, audio } = settingsOf(camera);
    if (!isRecorded(name, { record })) return undefined;
    const sound = audio ? sounds?.of(name) : undefined;
    if (audio && !sound) {
      common.log.warn("sound not recorded", { camera: name, reason: "RECORD_AUDIO needs AUDIO" });
    }
    return { fps, sound };
  };
  const { library } = recording;
  const hasRecordings = (name: string) =>
    library.progress < 1 || library.extent(name).oldest !== undefined;
  cameras.keep(({ name }) => recording.records(name) && hasRecordings(name));
  recording.use(followCameras(cameras, {
    added(camera) {
      const options = optionsFor(camera);
      if (options) recording.add(camera, options);
    },
    removed: (camera) => void recording.remove(camera),
  }));
  return recording;
}

/** Returns which cameras are recorded when a driver discovers them. */
function expectedCameras(
  settings: RecordingSettings,
  { configured, emptyReason }: CamerasToRecord,
): "all" | readonly string[] {
  if (emptyReason === undefined) return [];
  if (settings.record === "all") return "all";
  return unknownToRecord(settings, configured.map(({ name }) => name));
}
