import { type Env, parse } from "../env.ts";

/** Minimum of a size that can be set, in bytes. */
const MIN_SIZE = 1_000_000;
/** Maximum of a size that can be set: a petabyte, in bytes. */
const MAX_SIZE = 1e15;
const UNITS = ["K", "M", "G", "T"];

/**
 * Reads a size in bytes, such as `500M` or `10G` (powers of 1000, also written `10GB`) or `512MiB`
 * (powers of 1024, also `512Mi`). Undefined if the variable is not set.
 *
 * @throws {ConfigError} If the value is invalid, or less than 1 MB.
 */
export function readSize(env: Env, name: string): number | undefined {
  const expected = 'a size from "1M" to "1000T", such as "500M", "10G" or "512MiB"';
  return parse(env, name, expected, parseSize);
}

function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT])(i?)B?$/i.exec(text);
  if (!match) return undefined;
  const power = UNITS.indexOf(match[2]!.toUpperCase()) + 1;
  const size = Math.round(Number(match[1]) * (match[3] ? 1024 : 1000) ** power);
  return size >= MIN_SIZE && size <= MAX_SIZE ? size : undefined;
}

/** Formats a size for messages: 12345678 → "12 MB". Three digits at most, rounded down. */
export function formatSize(bytes: number): string {
  let [value, unit] = [Math.max(0, bytes), 0];
  for (; value >= 1000 && unit < UNITS.length; unit++) value /= 1000;
  const scale = unit === 0 || value >= 10 ? 1 : 10;
  return `${Math.floor(value * scale) / scale} ${["bytes", "kB", "MB", "GB", "TB"][unit]}`;
}
