// @ts-check

/** @typedef {import("./live.js").CameraStatus} CameraStatus */

/**
 * A camera without a new frame for this long is called frozen, in milliseconds; for a slow camera, the time
 * of this many frames.
 */
const FROZEN_AFTER = 3_000;
const FROZEN_FRAMES = 4;
/** A camera that starts within this time gets no notice, in milliseconds. */
const STARTUP_DELAY = 500;

/**
 * @typedef {object} PageState The state of the page that a tile depends on.
 * @property {import("./live.js").LinkState} link
 * @property {boolean} paused
 * @property {number} lastMessageAt When the last data arrived, in milliseconds of `performance.now()`.
 */

/**
 * @typedef {object} TileState
 * @property {number} now In milliseconds of `performance.now()`.
 * @property {number} idle Time since the last frame, in milliseconds.
 * @property {number} waiting Time since the tile began to wait for frames, in milliseconds.
 * @property {boolean} plain Whether the tile shows the plain stream.
 */

/**
 * @typedef {object} StateText The text that a tile shows for a camera.
 * @property {"live" | "waiting" | "paused" | "trouble"} state
 * @property {string} summary
 * @property {string} [headline] Headline of the notice over the picture; without a headline there is no notice.
 * @property {string} [reason]
 * @property {string} [detail]
 * @property {string} [advice]
 * @property {boolean} [retry] Whether the notice has a button to retry.
 */

/**
 * Describes the state of a camera.
 *
 * @param {CameraStatus} status
 * @param {PageState} page
 * @param {TileState} tile
 * @returns {StateText}
 */
export function describeState({ state, fps, lastFailure }, page, { now, idle, waiting, plain }) {
  const { link } = page;
  if (link.kind === "outdated") return { state: "trouble", summary: "Not connected" };
  if (link.kind === "lost") {
    return {
      state: "trouble",
      summary: "Not connected",
      headline: "Connection lost",
      reason: link.reason,
      detail: link.detail === link.reason ? undefined : link.detail,
      advice: "Reconnecting …",
    };
  }
  if (page.paused) return { state: "paused", summary: "Paused" };
  if (state === "failed") {
    return {
      state: "trouble",
      summary: "No picture",
      headline: "No picture from the camera",
      reason: lastFailure?.hint ? capitalized(lastFailure.hint) : lastFailure?.message,
      detail: lastFailure?.hint ? lastFailure.message : undefined,
      advice: lastFailure?.retried ? "Retrying automatically" : undefined,
      retry: lastFailure?.retried === false,
    };
  }
  if (plain) return { state: "live", summary: "Live" };
  if (link.kind === "plain") {
    const reason = "Browsers limit the connections per server: open this camera on its own";
    return { state: "waiting", summary: "Not shown", headline: "Not shown here", reason };
  }
  if (state !== "streaming" || link.kind !== "live") {
    const summary = link.kind === "live" ? "Starting" : "Connecting";
    if (waiting < STARTUP_DELAY) return { state: "waiting", summary };
    const headline = link.kind === "live" ? "The camera is starting …" : "Connecting …";
    return { state: "waiting", summary, headline };
  }
  if (idle > Math.max(FROZEN_AFTER, FROZEN_FRAMES * 1000 / (fps || 1))) {
    const hasData = now - page.lastMessageAt <= FROZEN_AFTER;
    return {
      state: "trouble",
      summary: "Frozen",
      headline: `No new picture for ${Math.round(idle / 1000)} s`,
      reason: hasData
        ? "The camera sends no frames; the server restarts it if this continues"
        : "No data from the server: the connection is slow or stalled",
    };
  }
  return { state: "live", summary: "Live" };
}

/** @param {string} text */
function capitalized(text) {
  return text[0]?.toUpperCase() + text.slice(1);
}
