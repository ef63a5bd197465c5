// @ts-check

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun"]
  .concat(["Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]);
const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

/** Returns the offset of local time from UTC at a time, in minutes. @param {number} time */
export function localOffset(time) {
  return -new Date(time).getTimezoneOffset();
}

/**
 * Formats a local time of day, such as "14:03:27".
 *
 * @param {number} time In milliseconds since the Unix epoch.
 * @param {(time: number) => number} [offsetOf] Offset from UTC at a time, in minutes.
 */
export function formatClock(time, offsetOf = localOffset) {
  return shift(time, offsetOf).toISOString().slice(11, 19);
}

/**
 * Formats a local day, such as "Fri 27 Nov".
 *
 * @param {number} time In milliseconds since the Unix epoch.
 * @param {(time: number) => number} [offsetOf]
 */
export function formatDay(time, offsetOf = localOffset) {
  const local = shift(time, offsetOf);
  return `${DAYS[local.getUTCDay()]} ${local.getUTCDate()} ${MONTHS[local.getUTCMonth()]}`;
}

/**
 * Formats a moment in local time with its offset from UTC, so that the two passes of the hour at the
 * end of summer time differ: "Fri 27 Nov, 14:03:27.1 UTC+1".
 *
 * @param {number} time In milliseconds since the Unix epoch.
 * @param {(time: number) => number} [offsetOf]
 */
export function formatMoment(time, offsetOf = localOffset) {
  const tenth = shift(time, offsetOf).toISOString().slice(11, 21);
  return `${formatDay(time, offsetOf)}, ${tenth} ${formatOffset(offsetOf(time))}`;
}

/** Formats an offset from UTC: "UTC+1", "UTC−3:30". @param {number} minutes */
export function formatOffset(minutes) {
  const hours = Math.floor(Math.abs(minutes) / 60), rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${pad(rest)}` : ""}`;
}

/** Formats an age, such as "0.1 s ago". @param {number} age In milliseconds. */
export function formatAge(age) {
  const seconds = age / 1000;
  if (seconds < 0.05) return "< 0.1 s ago";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s ago`;
  if (seconds < 59.5) return `${Math.round(seconds)} s ago`;
  if (seconds < 59.5 * 60) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

/**
 * Formats a duration with its two largest units: "6 h 20 min", "50 s".
 *
 * @param {number} ms In milliseconds.
 */
export function formatDuration(ms) {
  const seconds = Math.round(ms / SECOND);
  if (ms < 9_950) return `${Math.round(ms / 100) / 10} s`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return join(seconds, 60, "min", "s");
  const minutes = Math.round(ms / MINUTE);
  if (minutes < 48 * 60) return join(minutes, 60, "h", "min");
  return join(Math.round(ms / HOUR), 24, "d", "h");
}

/**
 * Formats how far the playhead is behind: "−02:13", "−1:02:13", "−3 d".
 *
 * @param {number} ms In milliseconds.
 */
export function formatBehind(ms) {
  const seconds = Math.max(0, Math.round(ms / SECOND));
  if (seconds >= 2 * DAY / SECOND) return `−${Math.floor(seconds * SECOND / DAY)} d`;
  const hours = Math.floor(seconds / 3_600);
  const rest = `${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return `−${hours ? `${hours}:` : ""}${rest}`;
}

/** Formats a size: "112 MB". @param {number} bytes */
export function formatBytes(bytes) {
  if (bytes < 999.5e3) return `${Math.round(bytes / 1e3)} kB`;
  if (bytes < 999.5e6) return `${significant(bytes / 1e6)} MB`;
  return `${significant(bytes / 1e9)} GB`;
}

/** Formats a speed: "2×", "−0.5×". @param {number} speed */
export function formatSpeed(speed) {
  return `${speed < 0 ? "−" : ""}${Math.abs(speed)}×`;
}

/** @param {number} value */
function significant(value) {
  return value < 9.95 ? value.toFixed(1) : `${Math.round(value)}`;
}

/**
 * @param {number} value
 * @param {number} factor
 * @param {string} large
 * @param {string} small
 */
function join(value, factor, large, small) {
  const rest = value % factor;
  return `${Math.floor(value / factor)} ${large}${rest ? ` ${rest} ${small}` : ""}`;
}

/**
 * Returns a date whose UTC fields are the local ones.
 *
 * @param {number} time
 * @param {(time: number) => number} offsetOf
 */
function shift(time, offsetOf) {
  return new Date(time + offsetOf(time) * MINUTE);
}

/** @param {number} value */
function pad(value) {
  return `${value}`.padStart(2, "0");
}
