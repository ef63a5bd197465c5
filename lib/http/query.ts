import type { Context } from "hono";
import { quote } from "../quote.ts";
import { HttpError } from "./errors.ts";

/** The valid numbers of a query parameter. */
export interface QueryRange {
  /** Description that completes the message `Cannot read "fps" as …`. */
  expected: string;
  includes(value: number): boolean;
}

/**
 * Reads a number: `?fps=10` → 10; undefined if missing.
 *
 * @throws {HttpError} 400 if the value is not a number in the range.
 */
export function readNumberQuery(c: Context, name: string, range: QueryRange): number | undefined {
  return readQuery(c, name, range.expected, (text) => {
    const value = Number(text);
    return /^-?(\d+(\.\d+)?|\.\d+)$/.test(text) && range.includes(value) ? value : undefined;
  });
}

/**
 * Reads a switch: `?x=0` → false, `?x=1` → true; undefined if missing.
 *
 * @throws {HttpError} 400 for any other value.
 */
export function readSwitchQuery(c: Context, name: string): boolean | undefined {
  return readQuery(c, name, "0 or 1", (text) => ({ "0": false, "1": true })[text]);
}

/**
 * Reads a query parameter with a custom parser; undefined if missing.
 *
 * @param expected Description of valid values. It completes the message `Cannot read "fps" as …`.
 * @throws {HttpError} 400 if `parse` returns undefined.
 */
export function readQuery<T>(
  c: Context,
  name: string,
  expected: string,
  parse: (text: string) => T | undefined,
): T | undefined {
  const text = c.req.query(name);
  if (text === undefined) return undefined;
  const value = parse(text);
  if (value === undefined) {
    throw new HttpError(
      400,
      `Cannot read "${name}" as ${expected}: current value is ${quote(text)}`,
    );
  }
  return value;
}
