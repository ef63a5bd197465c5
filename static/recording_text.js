// @ts-check
import { formatDuration } from "./time_text.js";

/**
 * @typedef {object} RecordingStatus State of a camera's recording, as the server sends it.
 * @property {"recording" | "waiting" | "paused" | "off"} state
 * @property {string} [reason] Why it is paused.
 * @property {number | null} oldest Time of the oldest recorded frame, in milliseconds since the Unix
 *   epoch.
 * @property {number | null} newest
 * @property {number} [holdsSeconds] How long the recordings fit at the present rate.
 */

/** @typedef {{ name: string, recording?: RecordingStatus }} RecordedCamera */

/**
 * Describes the state of the recordings.
 *
 * @param {RecordedCamera[]} cameras The cameras on the page.
 * @param {number} [progress] Progress of reading the recordings after the start of the server: 0 to
 *   1.
 * @returns {{ text: string, isTrouble: boolean }}
 */
export function describeRecording(cameras, progress = 1) {
  const name = (/** @type {RecordedCamera} */ camera) =>
    cameras.length > 1 ? `${camera.name}: ` : "";
  if (progress < 1) {
    return { text: `Reading the recordings: ${Math.floor(100 * progress)} %`, isTrouble: false };
  }
  const paused = cameras.find(({ recording }) => recording?.state === "paused");
  if (paused) {
    const reason = paused.recording?.reason ?? "the reason is in the server's log";
    return { text: `${name(paused)}Recording paused: ${reason}`, isTrouble: true };
  }
  const active = cameras.filter(({ recording }) => recording?.state === "recording");
  const first = active[0]?.recording;
  if (first) {
    const count = active.length < cameras.length ? ` ${active.length} of ${cameras.length}` : "";
    const { holdsSeconds } = first;
    const holds = holdsSeconds === undefined
      ? ""
      : `: holds ${formatDuration(1000 * holdsSeconds)} at this rate`;
    return { text: `Recording${count}${holds}`, isTrouble: false };
  }
  if (cameras.some(({ recording }) => recording?.state === "waiting")) {
    return { text: "Recording waits for the camera", isTrouble: false };
  }
  return { text: "Not recording", isTrouble: false };
}
