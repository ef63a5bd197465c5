import { type Env, parse } from "../env.ts";

/** How long recordings are kept, and at which frame rate. */
export interface RetentionPeriods {
  /** Age at which a segment is deleted, by its last frame, in milliseconds. */
  readonly maxAge: number;
  /** Reductions of the frame rate before that, by age; the rate falls from tier to tier. */
  readonly tiers: readonly Tier[];
}

/** A reduction of the frame rate of old recordings. */
export interface Tier {
  /** Age from which it applies, in milliseconds. */
  readonly after: number;
  /** Frames per second that are kept. */
  readonly fps: number;
}

/**
 * Reads `RETENTION`, such as `7d`, or with tiers `10m,7d@1`: all frames for ten minutes, then one
 * frame per second until the age of seven days. Undefined if the variable is not set.
 *
 * @throws {ConfigError} If the value is invalid.
 */
export function readRetention(env: Env, name: string): RetentionPeriods | undefined {
  const expected = 'an age such as "45s", "30m", "12h" or "7d", or as tiers such as "10m,7d@1": ' +
    "all frames first, then fewer frames per second up to a higher age";
  return parse(env, name, expected, parseRetention);
}

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
/** Range of a tier's frame rate, in frames per second. */
const MIN_FPS = 0.001;
const MAX_FPS = 240;
/** Maximum age: 100 years. */
const MAX_AGE = 36_525 * UNITS.d;

function parseRetention(text: string): RetentionPeriods | undefined {
  const [first, ...rest] = text.split(",").map(parsePeriod);
  if (!first || first.fps !== Infinity) return undefined;
  const tiers: Tier[] = [];
  let last = first;
  for (const period of rest) {
    if (!period || period.maxAge <= last.maxAge || period.fps >= last.fps) return undefined;
    tiers.push({ after: last.maxAge, fps: period.fps });
    last = period;
  }
  return { maxAge: last.maxAge, tiers };
}

/** Reads `7d@1`. Without a rate, `fps` is infinite. */
function parsePeriod(text: string): { maxAge: number; fps: number } | undefined {
  // Three decimals at most: a segment's head has little space for the rate.
  const match = /^(\d+(?:\.\d+)?)([smhdw])(?:@(\d+(?:\.\d{1,3})?))?$/i.exec(text.trim());
  if (!match) return undefined;
  const maxAge = Math.round(
    Number(match[1]) * UNITS[match[2]!.toLowerCase() as keyof typeof UNITS],
  );
  const fps = match[3] === undefined ? Infinity : Number(match[3]);
  const isValid = maxAge > 0 && maxAge <= MAX_AGE &&
    (fps === Infinity || fps >= MIN_FPS && fps <= MAX_FPS);
  return isValid ? { maxAge, fps } : undefined;
}
