import { type Env, parse } from "../env.ts";

/** How long recordings are kept. */
export interface Retention {
  /** In milliseconds. */
  readonly maxAge: number;
  /** Thinned tiers, by age. */
  readonly tiers: readonly RetentionTier[];
}

/** From which age on a recording is thinned, and to which rate. */
export interface RetentionTier {
  /** In milliseconds. */
  readonly after: number;
  /** Frames per second. */
  readonly fps: number;
}

const UNITS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** Reads `7d`, or tiers such as `10m,7d@1`. @throws {ConfigError} If it is invalid. */
export function readRetention(env: Env, name: string): Retention | undefined {
  return parse(env, name, 'an age, as "7d" or "12h", or tiers, as "10m,7d@1"', (text) => {
    const tiers: RetentionTier[] = [];
    let maxAge = 0;
    for (const [i, part] of text.split(",").entries()) {
      const [, number, unit, fps] = /^\s*(\d+(?:\.\d+)?)([smhd])(?:@(\d+(?:\.\d+)?))?\s*$/
        .exec(part) ?? [];
      const age = Number(number) * UNITS[unit!]!;
      if (!(age > maxAge) || (i === 0) !== (fps === undefined)) return undefined;
      if (fps !== undefined) {
        if (!(Number(fps) > 0 && Number(fps) < (tiers.at(-1)?.fps ?? Infinity))) return undefined;
        tiers.push({ after: maxAge, fps: Number(fps) });
      }
      maxAge = age;
    }
    return { maxAge, tiers };
  });
}
