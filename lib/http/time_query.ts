import type { Context } from "hono";
import { readQuery } from "./query.ts";

/** Description of the valid times, for messages. */
const EXPECTED =
  'a time such as "2026-11-27T05:43:33Z" or "2026-11-27T06:43:33+01:00" (with its zone), ' +
  '"1795758213.5" (Unix seconds), "-90s", "-5m", "-2h", "-1d" or "now"';

/** RFC 3339, with a zone. In a query, a `+` that is not escaped is a space. */
const RFC_3339 =
  /^(\d{4}-\d{2}-(\d{2}))[Tt ](\d{2}:\d{2}:\d{2}(?:\.\d+)?)(?:([Zz])|([+ -])(\d{2}:\d{2}))$/;

/** Latest time in Unix seconds (in the year 5138): a larger number is in milliseconds. */
const MAX_SECONDS = 1e11;

/** Units of relative times, in milliseconds. */
const UNITS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Reads a time: RFC 3339 with a zone, Unix seconds, a time before `now` (`-90s`, `-5m`, `-2h`,
 * `-1d`), or `now`.
 *
 * @param now The present time, in milliseconds since the Unix epoch.
 * @returns Whole milliseconds since the Unix epoch; undefined if the parameter is missing.
 * @throws {HttpError} 400 if the value is not a time.
 */
export function readTimeQuery(c: Context, name: string, now: number): number | undefined {
  return readQuery(c, name, EXPECTED, (text) => parseTime(text, now));
}

/** Whether a time in a query is relative to the present: the same address is another time later. */
export function isRelativeTime(text: string): boolean {
  return text === "now" || text.startsWith("-");
}

/** Parses a time in one of the forms of {@link readTimeQuery}; undefined if it is not valid. */
export function parseTime(text: string, now: number): number | undefined {
  if (text === "now") return Math.floor(now);
  const [, ago, unit] = /^-(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  if (ago && unit) return Math.max(0, Math.round(now - Number(ago) * UNITS[unit]!));
  if (/^\d+(\.\d*)?$/.test(text)) {
    return Number(text) <= MAX_SECONDS ? Math.round(Number(text) * 1000) : undefined;
  }
  return parseRfc3339(text);
}

function parseRfc3339(text: string): number | undefined {
  const [, date, day, time, utc, sign, offset] = RFC_3339.exec(text) ?? [];
  if (!date) return undefined;
  const local = Date.parse(`${date}T${time}Z`);
  // Date.parse reads February 30 as March 2.
  if (Number.isNaN(local) || new Date(local).getUTCDate() !== Number(day)) return undefined;
  const zoned = utc ? local : Date.parse(`${date}T${time}${sign === "-" ? "-" : "+"}${offset}`);
  return Number.isNaN(zoned) || zoned < 0 ? undefined : zoned;
}
