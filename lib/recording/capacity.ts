import type { RetentionPeriods } from "./retention_setting.ts";

/** The present rate of a camera's recording. */
export interface RecordingRate {
  readonly bytesPerSecond: number;
  /** Frames per second. */
  readonly fps: number;
}

/**
 * Computes how long recordings fit at the present rates, in milliseconds; undefined while nothing
 * is recorded. Recordings that are thinned with age need less space.
 *
 * @param capacity Bytes that fit.
 */
export function holdTime(
  capacity: number,
  rates: readonly RecordingRate[],
  { maxAge, tiers }: RetentionPeriods = { maxAge: Infinity, tiers: [] },
): number | undefined {
  const starts = [...tiers.map(({ after }) => after), Infinity];
  const limits = [Infinity, ...tiers.map(({ fps }) => fps)];
  let [left, age] = [capacity, 0];
  for (const [i, limit] of limits.entries()) {
    const rate = rates.reduce((sum, one) => sum + thinned(one, limit), 0) / 1000;
    if (rate === 0) return undefined;
    const fits = left / rate;
    if (age + fits <= starts[i]!) return Math.min(maxAge, age + fits);
    left -= (starts[i]! - age) * rate;
    age = starts[i]!;
  }
}

/** Returns the bytes per second that remain of a recording at a lower frame rate. */
function thinned({ bytesPerSecond, fps }: RecordingRate, limit: number): number {
  return fps > limit ? bytesPerSecond * limit / fps : bytesPerSecond;
}

const UNITS = [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1_000]] as const;

/** Formats a duration in its two largest units: "6 h 20 min". */
export function formatDuration(ms: number): string {
  const first = UNITS.findIndex(([, unit]) => ms >= unit);
  if (first === -1) return "0 s";
  const [[name, size], next] = [UNITS[first]!, UNITS[first + 1]];
  const count = Math.floor(ms / size);
  const rest = next ? Math.floor((ms - count * size) / next[1]) : 0;
  return rest > 0 ? `${count} ${name} ${rest} ${next![0]}` : `${count} ${name}`;
}
