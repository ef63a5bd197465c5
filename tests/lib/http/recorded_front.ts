import type { Recording } from "../../../lib/recording/mod.ts";
import type { RecordedCamera } from "../playback/recorded_camera.ts";

/** Returns recordings of the camera "front", for routes that only play them. */
export function recordedFront(camera: RecordedCamera): Recording {
  const extent = () => ({ oldest: camera.times[0], newest: camera.times.at(-1), bytes: 0 });
  const library = { extent, cursor: () => camera.source() };
  const status = () => ({ state: "recording" });
  return { library, status } as unknown as Recording;
}
