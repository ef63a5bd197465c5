import type { Context } from "hono";
import { HttpError } from "./errors.ts";

/** What a number in a query has to be. */
export interface QueryRange {
  /** In words, to end the sentence "Cannot read fps as …". */
  wanted: string;
  holds(value: number): boolean;
}

/** `?fps=10` → 10, or undefined where it is missing. @throws {HttpError} 400 if it is not as wanted. */
export function readNumberQuery(c: Context, name: string, range: QueryRange): number | undefined {
  return read(c, name, range.wanted, (text) => {
    const value = Number(text);
    return /^\d+(\.\d+)?$|^\.\d+$/.test(text) && range.holds(value) ? value : undefined;
  });
}

/** `?x=0` → false, `?x=1` → true. @throws {HttpError} 400 if it is something else. */
export function readSwitchQuery(c: Context, name: string): boolean | undefined {
  return read(c, name, "0 or 1", (text) => ({ "0": false, "1": true })[text]);
}

function read<T>(
  c: Context,
  name: string,
  wanted: string,
  parse: (text: string) => T | undefined,
): T | undefined {
  const text = c.req.query(name);
  if (text === undefined) return undefined;
  const value = parse(text);
  if (value === undefined) {
    throw new HttpError(400, `Cannot read ${name} as ${wanted}: current value is ${quote(text)}`);
  }
  return value;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
