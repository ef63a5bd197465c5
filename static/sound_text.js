// @ts-check

/** Sound that takes longer to arrive gets a notice. */
const MAX_WAIT = 3_000;

/**
 * Describes why a camera that is listened to cannot be heard; the button is labelled `action`.
 * `waiting` is the time since the last packet, or since the first one could arrive.
 *
 * @param {import("./live.js").SoundStatus | null | undefined} status
 * @param {{ isBlocked: boolean, waiting: number }} page Whether the browser permits no sound now.
 * @returns {{ text: string, action?: string } | undefined}
 */
export function describeSound(status, { isBlocked, waiting }) {
  if (!status) return { text: "The server has no sound of this camera any more" };
  if (isBlocked) return { text: "", action: "Click for sound" };
  const { state, lastFailure } = status;
  if (state === "failed") {
    const { message = "the microphone failed", hint, retried } = lastFailure ?? {};
    const next = retried ? "Trying again automatically" : "";
    const parts = [`No sound: ${message}`, capitalized(hint ?? ""), next].filter(Boolean);
    return { text: parts.join(". "), action: retried ? undefined : "Try now" };
  }
  if (waiting < MAX_WAIT) return;
  const isSilent = state === "streaming";
  return {
    text: isSilent ? "No sound: the connection is slow or stalled" : "The sound is starting …",
  };
}

/**
 * Describes the time between the picture and its sound.
 *
 * @param {number} offset In milliseconds; negative if the sound is first.
 */
export function describeOffset(offset) {
  const ms = Math.round(offset);
  return `sound ${Math.abs(ms)} ms ${ms < 0 ? "before" : "after"} the picture`;
}

/** @param {string} text */
function capitalized(text) {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
