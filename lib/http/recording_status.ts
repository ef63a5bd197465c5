import type { RecordingStats } from "../metrics/mod.ts";
import type { Recording } from "../recording/mod.ts";
import type { StatusSource } from "./camera_status.ts";

/** What `GET /cameras`, `GET /healthz` and `GET /metrics` say of the recordings. */
export interface RecordingStatus {
  readonly status: readonly StatusSource[];
  /** Returns the state of the recordings, for metrics. */
  stats(): readonly RecordingStats[];
}

/**
 * Describes the recordings for the server's routes: nothing if the server does not record.
 *
 * @param cameras Returns the names of all cameras.
 */
export function recordingStatus(
  recording: Recording | undefined,
  cameras: () => readonly string[],
): RecordingStatus {
  if (!recording) return { status: [], stats: () => [] };
  return {
    status: [{
      describe: (camera) => ({ recording: describe(recording, camera) }),
      health: (authenticated) => ({
        recording: cameras().flatMap((camera) => {
          const { state, since, reason } = recording.status(camera);
          if (state !== "paused") return [];
          return { camera, since: new Date(since).toISOString(), ...authenticated && { reason } };
        }),
      }),
    }],
    stats: () =>
      cameras().map((camera) => {
        const { state, frames, dropped } = recording.status(camera);
        const { bytes, oldest } = recording.library.extent(camera);
        return { camera, state, frames, dropped, bytes, oldest };
      }),
  };
}

/**
 * The recordings of a camera as JSON, for clients. Times are in milliseconds since the Unix epoch.
 */
function describe(recording: Recording, camera: string) {
  const { state, reason, since, frames, dropped, sound, bytesPerSecond } = recording.status(camera);
  const { oldest, newest, bytes } = recording.library.extent(camera);
  return {
    state,
    reason,
    since,
    frames,
    dropped,
    sound,
    bytesPerSecond: Math.round(bytesPerSecond),
    oldest: oldest ?? null,
    newest: newest ?? null,
    bytes,
    holdsSeconds: recording.holds === undefined ? undefined : Math.round(recording.holds / 1000),
  };
}
