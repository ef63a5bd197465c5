import type { Camera } from "../camera/camera.ts";
import { type CameraList, followCameras } from "../camera/camera_list.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Recording, RecordOptions } from "../recording/mod.ts";
import { isRecorded, type RecordingSettings, unknownToRecord } from "../recording/settings.ts";
import type { CameraSound } from "../sound_packet.ts";

/** Options of {@link openRecordings}. */
export interface OpenRecordingsOptions {
  /** The cameras of the server. */
  readonly cameras: CameraList;
  /** Returns the settings of a camera, also of one that has just appeared. */
  readonly settingsOf: (camera: string) => RecordingSettings;
  /** Whether a driver discovers cameras, so that others can appear. */
  readonly discovers: boolean;
  /** The microphones, if a camera has one. */
  readonly sounds?: { of(camera: string): CameraSound | undefined };
  readonly clock: Clock;
  readonly log: Log;
}

/** The recordings of the server, and which cameras are recorded. */
export interface OpenRecordings extends Recording {
  /**
   * Whether a camera is recorded: it stays in the server's list, so that its recordings stay
   * available while it delivers no frames.
   */
  records(camera: string): boolean;
}

/**
 * Opens the recordings in `RECORD_DIR`, and records the cameras of the list that `RECORD` selects,
 * also those that appear later; undefined if `RECORD_DIR` is not set. The module is loaded only
 * when it is needed.
 *
 * @param settings The settings of recording for the whole server.
 * @throws {ConfigError} If the server cannot record there.
 */
export async function openRecordings(
  settings: RecordingSettings,
  { cameras, settingsOf, discovers, sounds, ...common }: OpenRecordingsOptions,
): Promise<OpenRecordings | undefined> {
  const { dir, maxBytes, retention, record } = settings;
  if (dir === undefined) return undefined;
  const { openRecording } = await import("../recording/mod.ts");
  const names = cameras.all.map(({ name }) => name);
  const others = record === "all" ? record : unknownToRecord(settings, names);
  const expected = discovers ? others : [];
  const recording = await openRecording({ ...common, dir, maxBytes, retention, expected });
  const options = ({ name }: Camera): RecordOptions | undefined => {
    const one = settingsOf(name);
    if (!isRecorded(name, one)) return undefined;
    const sound = one.audio ? sounds?.of(name) : undefined;
    if (one.audio && !sound) {
      common.log.warn("sound not recorded", { camera: name, reason: "RECORD_AUDIO needs AUDIO" });
    }
    return { fps: one.fps, sound };
  };
  recording.use(followCameras(cameras, {
    added(camera) {
      const wanted = options(camera);
      if (wanted) recording.add(camera, wanted);
    },
    removed: (camera) => void recording.remove(camera),
  }));
  return recording;
}
