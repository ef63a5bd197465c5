// @ts-check
import { formatSpeed } from "./time_text.js";

/** @typedef {import("./live.js").CameraStatus} CameraStatus */

/** A camera is called frozen after this time, or the time of this many frames. */
const FROZEN_AFTER = 3_000;
const FROZEN_FRAMES = 4;
/** A camera that starts within this time gets no notice. */
const STARTUP_DELAY = 500;
/** A recorded frame that takes longer is called loading, and gets a notice. */
const LOADING_DELAY = 1_000;
const LOADING_NOTICE_DELAY = 3_000;

/**
 * The state of the page that a tile depends on; `replay` if recordings are shown; `isSlow`: the
 * pictures are smaller, as the link is slow.
 *
 * @typedef {{
 *   link: import("./live.js").LinkState, paused: boolean, replay?: ReplayState,
 *   lastMessageAt: number, isSlow?: boolean,
 * }} PageState
 */

/**
 * A speed of 0 is a pause; `waiting` is the time since the request, until a frame is shown; `isGap`:
 * nothing was recorded at the time of the playhead.
 *
 * @typedef {{
 *   speed: number, state?: import("./replay.js").ReplayMessage["state"], waiting: number,
 *   isGap?: boolean,
 * }} ReplayState
 */

/**
 * `idle` is the time since the last frame, `waiting` since the tile began to wait for frames.
 *
 * @typedef {{ now: number, idle: number, waiting: number, plain?: PlainState }} TileState
 */

/** @typedef {{ state: "loading" | "live" | "failed", reason?: string, retryAt?: number }} PlainState */

/**
 * The text that a tile shows. The notice over the picture has a headline, the cause, what to do, and a
 * button to try again.
 *
 * @typedef {{
 *   state: "live" | "replay" | "waiting" | "paused" | "trouble", summary: string,
 *   headline?: string, reason?: string, advice?: string, detail?: string, retry?: boolean,
 * }} StateText
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
      retry: true,
    };
  }
  if (link.kind === "full") {
    return {
      state: "trouble",
      summary: "Too many viewers",
      headline: "No picture: too many viewers",
      ...describeRefusal(link.reason),
      detail: countdown(link.retryAt, now),
      retry: true,
    };
  }
  if (page.replay && link.kind === "live") return describeReplay(page.replay);
  if (page.paused) return { state: "paused", summary: "Paused" };
  if (state === "failed") {
    return {
      state: "trouble",
      summary: "No picture",
      headline: "No picture from the camera",
      reason: lastFailure?.message,
      advice: capitalized(lastFailure?.hint),
      detail: lastFailure?.retried ? "Trying again automatically" : undefined,
      retry: true,
    };
  }
  if (plain?.state === "live") return { state: "live", summary: "Live" };
  if (plain?.state === "failed") {
    return {
      state: "trouble",
      summary: "No picture",
      headline: "No picture",
      ...describeRefusal(plain.reason),
      detail: countdown(plain.retryAt, now),
      retry: true,
    };
  }
  if (link.kind === "plain" && !plain) {
    const reason = "Browsers limit the connections per server: open this camera on its own";
    return { state: "waiting", summary: "Not shown", headline: "Not shown here", reason };
  }
  if (state !== "streaming" || link.kind !== "live") {
    const isConnected = link.kind === "live" || link.kind === "plain";
    const summary = isConnected ? "Starting" : "Connecting";
    if (waiting < STARTUP_DELAY) return { state: "waiting", summary };
    const headline = isConnected ? "The camera is starting …" : "Connecting …";
    return { state: "waiting", summary, headline };
  }
  if (idle > Math.max(FROZEN_AFTER, FROZEN_FRAMES * 1000 / (fps || 1))) {
    const hasData = now - page.lastMessageAt <= FROZEN_AFTER;
    return {
      state: "trouble",
      summary: "Frozen",
      headline: `No new picture for ${Math.round(idle / 1000)} s`,
      reason: hasData
        ? "The camera sends no pictures; the server restarts it if this continues"
        : "No data from the server: the connection is slow or stalled",
    };
  }
  return { state: "live", summary: "Live" };
}

/**
 * Describes a page without cameras.
 *
 * @param {import("./live.js").LinkState} link
 * @param {number} now
 * @param {string} [reason] Why there are none, if the server says so.
 * @returns {StateText}
 */
export function describeEmpty(link, now, reason = "") {
  if (link.kind === "live" || link.kind === "plain") {
    reason = reason.slice(0, 1).toUpperCase() + reason.slice(1);
    const advice = "Cameras appear here as soon as the server finds them";
    return { state: "waiting", summary: "No cameras", headline: "No cameras yet", reason, advice };
  }
  const status = { state: "off", fps: 0, lastFailure: null };
  const page = { link, paused: false, lastMessageAt: 0 };
  const times = { now, idle: 0, waiting: now };
  return describeState(/** @type {CameraStatus} */ (/** @type {unknown} */ (status)), page, times);
}

/** Describes a camera whose recordings are shown. @param {ReplayState} replay @returns {StateText} */
function describeReplay({ speed, state, waiting, isGap = false }) {
  if (state === "none" || state === "live" || state === "gap") {
    const headline = "Nothing was recorded at this time";
    return { state: "waiting", summary: "No recording", headline };
  }
  if (state === "start") return { state: "paused", summary: "Start of the recordings" };
  if (waiting > LOADING_DELAY) {
    const notice = waiting > LOADING_NOTICE_DELAY ? { headline: "Loading the recording …" } : {};
    return { state: "waiting", summary: "Loading", ...notice };
  }
  if (speed === 0) {
    return { state: "paused", summary: isGap ? "Paused in a gap of the recordings" : "Paused" };
  }
  return { state: "replay", summary: `Recorded, ${formatSpeed(speed)}` };
}

/** Returns the title of the tab. @param {{ name: string, text: StateText }[]} cameras @param {boolean} showsNames */
export function describeTitle(cameras, showsNames) {
  const [first] = cameras;
  if (!first) return "dinocam";
  const isSingle = cameras.length === 1;
  const failed = cameras.find(({ text }) => text.state === "trouble");
  if (failed) {
    const isShared = cameras.every(({ text }) => text.summary === failed.text.summary);
    const name = isShared && !(isSingle && showsNames) ? "" : `${failed.name}: `;
    return `⚠ ${name}${failed.text.summary} – dinocam`;
  }
  const subject = isSingle ? first.name : `${cameras.length} cameras`;
  if (cameras.every(({ text }) => text.state === "live")) return `● ${subject} – dinocam`;
  if (first.text.state === "paused") return `${subject}, paused – dinocam`;
  if (first.text.state === "replay") return `${subject}, recorded – dinocam`;
  return `${subject} – dinocam`;
}

/** Explains why the server refused a stream. @param {string | undefined} message The server's. */
function describeRefusal(message) {
  if (!message || !/\bviewers?\b/.test(message)) return { reason: message };
  const limit = /\d+/.exec(message)?.[0];
  const viewers = limit === "1" ? "viewer" : "viewers";
  return {
    reason: limit ? `The server has reached its limit of ${limit} ${viewers}` : message,
    advice: "Close another page or program that shows a camera, or raise MAX_VIEWERS",
  };
}

/** @param {number | undefined} retryAt @param {number} now */
function countdown(retryAt, now) {
  if (retryAt === undefined) return "Trying again …";
  const seconds = Math.ceil((retryAt - now) / 1000);
  return seconds > 0 ? `Trying again in ${seconds} s` : "Trying again …";
}

/** @param {string | null | undefined} text */
export function capitalized(text) {
  return text ? `${text[0]?.toUpperCase()}${text.slice(1)}` : undefined;
}
