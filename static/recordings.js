// @ts-check
/// <reference lib="dom" />
import { addressOf } from "./addresses.js";

/** @typedef {{ start: number, end: number }} Span A period without gaps, in milliseconds. */
/** @typedef {{ at: number, label: string, keep?: boolean }} Mark */

/**
 * @typedef {object} Loaded What the server says about a period of a camera.
 * @property {number} from In milliseconds since the Unix epoch.
 * @property {number} to
 * @property {number} loadedAt The present time of the server when it was requested.
 * @property {Span[]} spans
 * @property {string} activity A digit for each interval from `from`.
 * @property {number} activityInterval In milliseconds.
 * @property {Mark[]} marks
 * @property {number} [progress] Below 1 while the server still reads its recordings.
 */

/**
 * @typedef {object} Entry What is known of a camera.
 * @property {Loaded} [data]
 * @property {number} requestedAt In milliseconds of `performance.now()`.
 * @property {boolean} isLoading
 */

/** Interval between requests while the server still reads its recordings, in milliseconds. */
const READING_INTERVAL = 1_000;
/** Interval between requests while the present is shown, in milliseconds. */
const REFRESH_INTERVAL = 5_000;
/** The same with more cameras than {@link FEW_CAMERAS}. */
const SLOW_REFRESH_INTERVAL = 20_000;
const FEW_CAMERAS = 4;
/** The period is loaded again when it is shown this many times larger, for its details. */
const DETAIL = 4;
/** A time this close to a recorded period is in no gap, in milliseconds. */
const MIN_GAP = 2_500;

/** The recordings of the cameras on the timeline: loads what is shown, and keeps it up to date. */
export class Recordings {
  /** Why the recordings cannot be loaded. @type {string | undefined} */
  problem;
  #onLoad;
  /** @type {Map<string, Entry>} */
  #cameras = new Map();
  /** Time of the newest recorded frame of each camera. @type {Map<string, number>} */
  #newest = new Map();

  /** @param {() => void} onLoad Called when something has been loaded. */
  constructor(onLoad) {
    this.#onLoad = onLoad;
  }

  /**
   * Loads what is missing of a period.
   *
   * @param {string[]} names Names of the cameras.
   * @param {{ from: number, to: number }} period
   * @param {number} latest The present time of the server.
   */
  show(names, { from, to }, latest) {
    const now = performance.now();
    const interval = names.length > FEW_CAMERAS ? SLOW_REFRESH_INTERVAL : REFRESH_INTERVAL;
    for (const name of names) {
      const camera = this.#cameras.get(name) ?? { requestedAt: -Infinity, isLoading: false };
      this.#cameras.set(name, camera);
      const age = now - camera.requestedAt;
      if (camera.isLoading || this.problem && age < REFRESH_INTERVAL) continue;
      const { data } = camera;
      const isMissing = !data || from < data.from || Math.min(to, latest) > data.to;
      const isCoarse = data && data.to - data.from > DETAIL * (to - from);
      const isReading = data && (data.progress ?? 1) < 1 && age >= READING_INTERVAL;
      const isOld = isReading || data && Math.min(to, latest) > data.loadedAt && age >= interval;
      if (isMissing || isCoarse || isOld) this.#load(name, camera, { from, to, latest });
    }
  }

  /** Adds a mark at once, before it is loaded. @param {string[]} names @param {Mark} mark */
  addMark(names, mark) {
    for (const name of names) this.#cameras.get(name)?.data?.marks.push(mark);
    this.#onLoad();
  }

  /**
   * Notes the newest frames, so that the last period grows between two requests.
   *
   * @param {import("./recording_text.js").RecordedCamera[]} cameras
   */
  update(cameras) {
    for (const { name, recording } of cameras) {
      if (recording?.newest != null) this.#newest.set(name, recording.newest);
    }
  }

  /**
   * Returns the recorded periods, by start; those of several cameras are joined.
   *
   * @param {string[]} names
   * @returns {Span[]}
   */
  spans(names) {
    const spans = names.flatMap((name) => {
      const own = this.#cameras.get(name)?.data?.spans ?? [];
      const newest = this.#newest.get(name) ?? 0;
      const last = own[own.length - 1];
      if (!last || newest <= last.end || newest - last.end > SLOW_REFRESH_INTERVAL) return own;
      return [...own.slice(0, -1), { start: last.start, end: newest }];
    });
    return joinSpans(spans);
  }

  /**
   * Returns how much happened in a period, from 0 to 9; undefined if that is unknown.
   *
   * @param {string[]} names
   * @param {number} from
   * @param {number} to
   */
  activity(names, from, to) {
    let most = -1;
    for (const name of names) {
      const data = this.#cameras.get(name)?.data;
      if (data) most = Math.max(most, activityIn(data, from, to));
    }
    return most < 0 ? undefined : most;
  }

  /**
   * Whether a time is in a gap of a camera's recordings, as far as they are loaded.
   *
   * @param {string} name
   * @param {number} time
   */
  isGap(name, time) {
    const spans = this.spans([name]);
    return spans.length > 0 &&
      !spans.some(({ start, end }) => time > start - MIN_GAP && time < end + MIN_GAP);
  }

  /** Returns the progress of reading the recordings: 0 to 1. @param {string[]} names */
  progress(names) {
    return Math.min(1, ...names.map((name) => this.#cameras.get(name)?.data?.progress ?? 1));
  }

  /** Returns the marks. @param {string[]} names */
  marks(names) {
    return names.flatMap((name) => this.#cameras.get(name)?.data?.marks ?? []);
  }

  /**
   * @param {string} name
   * @param {Entry} camera
   * @param {{ from: number, to: number, latest: number }} period
   */
  async #load(name, camera, { from, to, latest }) {
    camera.isLoading = true;
    camera.requestedAt = performance.now();
    const margin = (to - from) / 2;
    const period = { from: Math.floor(from - margin), to: Math.ceil(to + margin) };
    const query = `?from=${seconds(period.from)}&to=${seconds(period.to)}`;
    const folder = `cameras/${encodeURIComponent(name)}`;
    try {
      const [recordings, marks] = await Promise.all([
        fetchJson(`${folder}/recordings${query}`),
        fetchJson(`${folder}/marks${query}`),
      ]);
      camera.data = { ...recordings, ...period, loadedAt: latest, marks };
      this.problem = undefined;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : `${error}`;
    }
    camera.isLoading = false;
    this.#onLoad();
  }
}

/**
 * Joins periods that overlap or touch.
 *
 * @param {Span[]} spans
 */
export function joinSpans(spans) {
  /** @type {Span[]} */
  const joined = [];
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    const last = joined[joined.length - 1];
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else joined.push({ start, end });
  }
  return joined;
}

/**
 * Returns the highest digit in a period; -1 if there is none.
 *
 * @param {Pick<Loaded, "from" | "activity" | "activityInterval">} data
 * @param {number} from
 * @param {number} to
 */
export function activityIn(data, from, to) {
  const first = Math.max(0, Math.floor((from - data.from) / data.activityInterval));
  const last = Math.max(first + 1, Math.ceil((to - data.from) / data.activityInterval));
  let most = -1;
  for (const digit of data.activity.slice(first, last)) {
    if (digit !== "-") most = Math.max(most, Number(digit));
  }
  return most;
}

/** Formats a time for a query: Unix seconds. @param {number} time In milliseconds. */
export function seconds(time) {
  return (Math.round(time) / 1000).toFixed(3);
}

/** @param {string} path */
async function fetchJson(path) {
  const response = await fetch(addressOf(path), {
    cache: "no-cache",
    headers: { Accept: "application/json" },
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error ?? `The server responded with ${response.status}`);
  return body;
}
