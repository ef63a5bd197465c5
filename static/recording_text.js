// @ts-check
import { formatDuration } from "./time_text.js";

/**
 * @typedef {object} RecordingStatus State of a camera's recording, as the server sends it.
 * @property {"recording" | "waiting" | "paused" | "off"} state
 * @property {string} [reason] Why it is paused.
 * @property {number | null} oldest Time of the oldest recorded frame, in milliseconds since the Unix
 *   epoch.
 * @property {number | null} newest
 * @property {number} [holdsSeconds] How long recordings are kept at the present rate.
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
      : `: keeps about ${formatDuration(roughly(1000 * holdsSeconds))}`;
    return { text: `Recording${count}${holds}`, isTrouble: false };
  }
  if (cameras.some(({ recording }) => recording?.state === "waiting")) {
    return { text: "Recording waits for the camera", isTrouble: false };
  }
  return { text: "Not recording", isTrouble: false };
}

const MINUTE = 60_000;
/** Steps of an estimated duration, and the shortest duration that is rounded to each of them. */
const STEPS = [
  { from: 2 * 1_440 * MINUTE, step: 1_440 * MINUTE },
  { from: 2 * 60 * MINUTE, step: 60 * MINUTE },
  { from: 20 * MINUTE, step: 5 * MINUTE },
  { from: 2 * MINUTE, step: MINUTE },
  { from: 0, step: 10_000 },
];

/** Rounds an estimate, so that it does not change all the time. @param {number} ms */
function roughly(ms) {
  const step = STEPS.find(({ from }) => ms >= from)?.step ?? 1;
  return Math.max(1, Math.round(ms / step)) * step;
}
