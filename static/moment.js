// @ts-check
import { localOffset } from "./time_text.js";

const MINUTE = 60_000;

/**
 * Reads the fragment of the page's address: `#front`, and the links to a moment
 * `#front@2026-11-27T05:43:33Z` and `#@2026-11-27T05:43:33Z` (all cameras).
 *
 * @param {string | null} hash
 * @returns {{ camera: string, at?: number }} An empty name stands for all cameras.
 */
export function parseHash(hash) {
  const [name = "", moment] = (hash ?? "").replace(/^#/, "").split("@");
  const at = moment === undefined ? NaN : parseMoment(moment);
  return { camera: decode(name), ...Number.isNaN(at) ? {} : { at } };
}

/**
 * Returns the fragment of a link to a camera, and to a moment.
 *
 * @param {string} camera An empty name stands for all cameras.
 * @param {number} [at] In milliseconds since the Unix epoch.
 */
export function formatHash(camera, at) {
  const moment = at === undefined ? "" : `@${formatUtc(at)}`;
  return `#${encodeURIComponent(camera)}${moment}`;
}

/** Formats a time as RFC 3339 in UTC, with milliseconds if it has any. @param {number} time */
export function formatUtc(time) {
  return new Date(Math.round(time)).toISOString().replace(".000Z", "Z");
}

/**
 * Returns the moments at which clocks show a local time: none in the hour that is skipped when summer
 * time begins, two in the hour that is repeated at its end.
 *
 * @param {string} local As in a field of type `datetime-local`: "2026-11-27T14:03:27".
 * @param {(time: number) => number} [offsetOf] Offset of local time from UTC, in minutes.
 * @returns {number[]} In milliseconds since the Unix epoch.
 */
export function momentsOf(local, offsetOf = localOffset) {
  const time = Date.parse(`${local}Z`);
  if (Number.isNaN(time)) return [];
  const offsets = [-1, 1].map((days) => offsetOf(time + days * 24 * 60 * MINUTE));
  const moments = [...new Set(offsets)].map((offset) => time - offset * MINUTE);
  return moments.filter((moment) => moment + offsetOf(moment) * MINUTE === time)
    .sort((a, b) => a - b);
}

/**
 * Formats a time for a field of type `datetime-local`, with whole seconds.
 *
 * @param {number} time
 * @param {(time: number) => number} [offsetOf]
 */
export function formatLocal(time, offsetOf = localOffset) {
  return new Date(time + offsetOf(time) * MINUTE).toISOString().slice(0, 19);
}

/** @param {string} text RFC 3339 with its zone. */
function parseMoment(text) {
  const decoded = decode(text);
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i.test(decoded)
    ? Date.parse(decoded)
    : NaN;
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // malformed percent-encoding
  }
}
