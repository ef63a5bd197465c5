import type { Context } from "hono";
import { HttpError } from "./errors.ts";

/** The numbers that a query parameter may have. */
export interface QueryRange {
  /** In words, as the end of the sentence "Cannot read fps as …". */
  expected: string;
  includes(value: number): boolean;
}

/**
 * `?fps=10` → 10; undefined if missing.
 *
 * @throws {HttpError} 400 if it is no number in the range.
 */
export function readNumberQuery(c: Context, name: string, range: QueryRange): number | undefined {
  return read(c, name, range.expected, (text) => {
    const value = Number(text);
    return /^\d+(\.\d+)?$|^\.\d+$/.test(text) && range.includes(value) ? value : undefined;
  });
}

/**
 * `?x=0` → false, `?x=1` → true; undefined if missing.
 *
 * @throws {HttpError} 400 for any other value.
 */
export function readSwitchQuery(c: Context, name: string): boolean | undefined {
  return read(c, name, "0 or 1", (text) => ({ "0": false, "1": true })[text]);
}

function read<T>(
  c: Context,
  name: string,
  expected: string,
  parse: (text: string) => T | undefined,
): T | undefined {
  const text = c.req.query(name);
  if (text === undefined) return undefined;
  const value = parse(text);
  if (value === undefined) {
    throw new HttpError(400, `Cannot read ${name} as ${expected}: current value is ${quote(text)}`);
  }
  return value;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
