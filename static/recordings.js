// @ts-check
import { cameraAddress } from "./addresses.js";
import { messageOf } from "./dom.js";
import { formatAbout } from "./time_text.js";

// Times are in milliseconds since the Unix epoch.

/**
 * State of a camera's recording, as the server sends it; `reason` says why it is paused.
 *
 * @typedef {{
 *   state: "recording" | "waiting" | "paused" | "off", reason?: string, holdsSeconds?: number,
 *   sound?: {}, oldest: number | null, newest: number | null,
 * }} RecordingStatus
 */

/** @typedef {{ name: string, recording?: RecordingStatus }} RecordedCamera */
/** @typedef {{ start: number, end: number }} Span A period without gaps. */
/** @typedef {{ at: number, label: string }} Mark */

/** Interval between requests while the server still reads its recordings. */
const READING_INTERVAL = 1_000;
/** Interval between requests while the present is shown, for up to four cameras. */
const REFRESH_INTERVAL = 5_000;
/** The last period grows by this much between two requests. */
const MAX_GROWTH = 20_000;
/** The period is loaded again when it is shown this many times larger, for its details. */
const DETAIL = 4;
/** A time this close to a recorded period is in no gap. */
const MIN_GAP = 2_500;

/** What is known of a camera before it is loaded. */
const NOTHING = {
  ...{ from: 0, to: 0, activity: "", activityInterval: 1, progress: 1 },
  ...{ loadedAt: 0, requestedAt: -Infinity, isLoading: false },
  spans: /** @type {Span[]} */ ([]),
  marks: /** @type {Mark[]} */ ([]),
};

/** The recordings of the cameras on the timeline: loads what is shown, and keeps it up to date. */
export class Recordings {
  /** Why the recordings cannot be loaded. @type {string | undefined} */
  problem;
  #playback;
  /** @type {Map<string, typeof NOTHING>} */
  #cameras = new Map();

  /** @param {import("./playback.js").Playback} playback */
  constructor(playback) {
    this.#playback = playback;
  }

  /** Loads what is missing of a period. @param {{ from: number, to: number }} period */
  show({ from, to }) {
    const { cameras, latest } = this.#playback;
    const interval = REFRESH_INTERVAL * Math.max(1, cameras.length / 4);
    const end = Math.min(to, latest);
    for (const { name } of cameras) {
      const known = this.#of(name);
      this.#cameras.set(name, known);
      const age = performance.now() - known.requestedAt;
      if (known.isLoading || this.problem && age < REFRESH_INTERVAL) continue;
      const isMissing = from < known.from || end > known.to;
      const isCoarse = known.to - known.from > DETAIL * (to - from);
      const isReading = known.progress < 1 && age >= READING_INTERVAL;
      const isOld = end > known.loadedAt && age >= interval;
      if (!isMissing && !isCoarse && !isReading && !isOld) continue;
      const margin = (to - from) / 2;
      const period = { from: Math.floor(from - margin), to: Math.ceil(to + margin) };
      this.#load(name, known, { ...period, loadedAt: latest });
    }
  }

  /** Adds a mark at once, before it is loaded. @param {string} name @param {Mark} mark */
  addMark(name, mark) {
    const known = this.#of(name);
    known.marks = [...known.marks, mark];
    this.#playback.update();
  }

  /** Returns the recorded periods, by start; those of several cameras are joined. */
  spans(/** @type {RecordedCamera[]} */ cameras = this.#playback.cameras) {
    return joinSpans(cameras.flatMap(({ name, recording }) => {
      const { spans } = this.#of(name);
      const end = spans.at(-1)?.end ?? 0, newest = recording?.newest ?? 0;
      const isGrowing = newest > end && newest - end <= MAX_GROWTH;
      return end && isGrowing ? [...spans, { start: end, end: newest }] : spans;
    }));
  }

  /**
   * Returns how much happened in a period, from 0 to 9; -1 if unknown.
   *
   * @param {RecordedCamera[]} cameras
   * @param {number} from
   * @param {number} to
   */
  activity(cameras, from, to) {
    return Math.max(...cameras.map(({ name }) => activityIn(this.#of(name), from, to)));
  }

  /** Whether a time is in a gap of a camera's recordings. @param {RecordedCamera} camera @param {number} time */
  isGap(camera, time) {
    const spans = this.spans([camera]);
    return spans.length > 0 &&
      !spans.some(({ start, end }) => time > start - MIN_GAP && time < end + MIN_GAP);
  }

  /** Progress of reading the recordings after the start of the server: 0 to 1. */
  get progress() {
    return Math.min(1, ...this.#playback.cameras.map(({ name }) => this.#of(name).progress));
  }

  get marks() {
    return this.#playback.cameras.flatMap(({ name }) => this.#of(name).marks);
  }

  /** @param {string} name */
  #of(name) {
    return this.#cameras.get(name) ?? { ...NOTHING };
  }

  /** @param {string} name @param {typeof NOTHING} known @param {{ from: number, to: number, loadedAt: number }} period */
  async #load(name, known, period) {
    Object.assign(known, { isLoading: true, requestedAt: performance.now() });
    const query = `from=${seconds(period.from)}&to=${seconds(period.to)}`;
    const request = async (/** @type {string} */ path) => {
      const address = cameraAddress(name, `${path}?${query}`);
      const headers = { Accept: "application/json" };
      const response = await fetch(address, { cache: "no-cache", headers });
      const body = await response.json();
      if (response.ok) return body;
      throw new Error(body.error ?? `The server responded with ${response.status}`);
    };
    try {
      const [recordings, marks] = await Promise.all([request("recordings"), request("marks")]);
      Object.assign(known, { progress: 1 }, recordings, period, { marks });
      this.problem = undefined;
    } catch (error) {
      this.problem = messageOf(error);
    }
    known.isLoading = false;
    this.#playback.update();
  }
}

/** Joins periods that overlap or touch. @param {Span[]} spans */
export function joinSpans(spans) {
  /** @type {Span[]} */
  const joined = [];
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else joined.push({ start, end });
  }
  return joined;
}

/**
 * Returns the highest digit in a period, or -1.
 *
 * @param {{ from: number, activity: string, activityInterval: number }} recordings
 * @param {number} from
 * @param {number} to
 */
export function activityIn(recordings, from, to) {
  const first = Math.max(0, Math.floor((from - recordings.from) / recordings.activityInterval));
  const last = Math.max(first + 1, Math.ceil((to - recordings.from) / recordings.activityInterval));
  const digits = recordings.activity.slice(first, last).replaceAll("-", "");
  return Math.max(-1, ...Array.from(digits, Number));
}

/** Formats a time for a query: Unix seconds. @param {number} time */
export function seconds(time) {
  return (Math.round(time) / 1000).toFixed(3);
}

/** Describes the state of the recordings. @param {RecordedCamera[]} cameras The ones on the page. */
export function describeRecording(cameras, progress = 1) {
  /** @param {RecordingStatus["state"]} state */
  const having = (state) => cameras.filter(({ recording }) => recording?.state === state);
  const [paused] = having("paused");
  const active = having("recording");
  let text = having("waiting").length > 0 ? "Recording waits for the camera" : "Not recording";
  if (progress < 1) text = `Reading the recordings: ${Math.floor(100 * progress)} %`;
  else if (paused) {
    const name = cameras.length > 1 ? `${paused.name}: ` : "";
    const reason = paused.recording?.reason ?? "the reason is in the server's log";
    text = `${name}Recording paused: ${reason}`;
  } else if (active.length > 0) {
    const held = active[0]?.recording?.holdsSeconds;
    text = "Recording";
    if (active.some(({ recording }) => recording?.sound)) text += " with sound";
    if (active.length < cameras.length) text += ` ${active.length} of ${cameras.length}`;
    if (held !== undefined) text += `: holds ${formatAbout(1000 * held)} at this rate`;
  }
  return { text, isTrouble: progress >= 1 && paused !== undefined };
}
