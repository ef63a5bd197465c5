// @ts-check

// Times are in milliseconds since the Unix epoch, and shown in local time.

export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

/** Returns the offset of local time from UTC, in minutes. @param {number} time */
export function localOffset(time) {
  return -new Date(time).getTimezoneOffset();
}

/** Returns a date whose UTC fields are the local ones. @param {number} time */
function localDate(time, offsetOf = localOffset) {
  return new Date(time + offsetOf(time) * MINUTE);
}

/** Formats a time of day, such as "14:03:27". @param {number} time */
export function formatClock(time, offsetOf = localOffset) {
  return localDate(time, offsetOf).toISOString().slice(11, 19);
}

/** Formats a day, such as "Fri 27 Nov". @param {number} time */
export function formatDay(time, offsetOf = localOffset) {
  return localDate(time, offsetOf).toUTCString().slice(0, 11).replace(/, 0?/, " ");
}

/** Formats a moment with its offset from UTC: "Fri 27 Nov, 14:03:27.1 UTC+1". @param {number} time */
export function formatMoment(time, offsetOf = localOffset) {
  const tenth = localDate(time, offsetOf).toISOString().slice(11, 21);
  return `${formatDay(time, offsetOf)}, ${tenth} ${formatOffset(offsetOf(time))}`;
}

/** Formats a time for a field of type `datetime-local`. @param {number} time */
export function formatLocal(time) {
  return localDate(time).toISOString().slice(0, 19);
}

/** Formats a time for a file name. @param {number} time */
export function formatFileTime(time) {
  return formatLocal(time).replaceAll(":", "-").replace("T", "_");
}

/**
 * Returns the moments at which clocks show a local time, such as "2026-11-27T14:03:27": in the hour
 * that is skipped for summer time none, in the one that is repeated two.
 *
 * @param {string} local
 */
export function momentsOf(local, offsetOf = localOffset) {
  const time = Date.parse(`${local}Z`);
  const offsets = Number.isNaN(time) ? [] : [offsetOf(time - DAY), offsetOf(time + DAY)];
  return [...new Set(offsets)].map((offset) => time - offset * MINUTE)
    .filter((moment) => moment + offsetOf(moment) * MINUTE === time);
}

/** Formats an offset from UTC: "UTC+1", "UTC−3:30". @param {number} minutes */
export function formatOffset(minutes) {
  const size = Math.abs(minutes);
  const rest = size % 60 ? `:${pad(size % 60)}` : "";
  return `UTC${minutes < 0 ? "−" : "+"}${Math.floor(size / 60)}${rest}`;
}

/** Formats an age, such as "0.1 s ago". @param {number} age In milliseconds. */
export function formatAge(age) {
  const seconds = age / SECOND;
  if (seconds < 0.05) return "< 0.1 s ago";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s ago`;
  if (seconds < 59.5) return `${Math.round(seconds)} s ago`;
  if (seconds < 59.5 * 60) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

/** Formats a duration with its two largest units: "6 h 20 min", "50 s". @param {number} ms */
export function formatDuration(ms) {
  /** @param {[size: number, name: string]} large @param {[size: number, name: string]} small */
  const join = ([size, name], [smallSize, smallName]) => {
    const count = Math.round(ms / smallSize), factor = size / smallSize;
    const rest = count % factor ? ` ${count % factor} ${smallName}` : "";
    return `${Math.floor(count / factor)} ${name}${rest}`;
  };
  if (ms < 9_950) return `${Math.round(ms / 100) / 10} s`;
  if (ms < 59_500) return `${Math.round(ms / SECOND)} s`;
  if (ms < HOUR - 500) return join([MINUTE, "min"], [SECOND, "s"]);
  if (ms < 2 * DAY - MINUTE / 2) return join([HOUR, "h"], [MINUTE, "min"]);
  return join([DAY, "d"], [HOUR, "h"]);
}

/** Formats a rough duration: "about 6 h 20 min". @param {number} ms */
export function formatAbout(ms) {
  const step = ms < HOUR ? MINUTE : 10 * MINUTE;
  return `about ${formatDuration(Math.round(ms / step) * step)}`;
}

/** Formats how far the playhead is behind: "−02:13", "−1:02:13", "−3 d". @param {number} ms */
export function formatBehind(ms) {
  const seconds = Math.max(0, Math.round(ms / SECOND));
  const hours = Math.floor(seconds / 3_600);
  if (hours >= 48) return `−${Math.floor(hours / 24)} d`;
  const rest = `${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return `−${hours ? `${hours}:` : ""}${rest}`;
}

/** Formats a size: "112 MB". @param {number} bytes */
export function formatBytes(bytes) {
  const exponent = bytes < 999.5e3 ? 1 : bytes < 999.5e6 ? 2 : 3;
  const value = bytes / 1000 ** exponent;
  const digits = exponent > 1 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${["", "kB", "MB", "GB"][exponent]}`;
}

/** Formats a speed: "2×", "−0.5×". @param {number} speed */
export function formatSpeed(speed) {
  return `${speed}×`.replace("-", "−");
}

/** @param {number} value */
function pad(value) {
  return `${value}`.padStart(2, "0");
}
