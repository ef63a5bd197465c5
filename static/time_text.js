// @ts-check

/**
 * Formats a local time of day, such as "14:03:27".
 *
 * @param {number} time In milliseconds since the Unix epoch.
 */
export function formatClock(time) {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => `${part}`.padStart(2, "0")).join(":");
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
