import type { Clock } from "./clock.ts";
import { printable } from "./quote.ts";

/** Details of a log entry: `{ camera: "front", pid: 12 }`. */
export type Fields = Record<string, string | number | boolean | undefined>;

/** Writes log entries: a fixed phrase and fields. One entry per event, never per frame. */
export interface Log {
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
}

/** Options of {@link createLog}. */
export interface LogOptions {
  clock: Clock;
  /** Writes one line, given without a line break. */
  write: (line: string) => void;
  /** Whether each line is a JSON object instead of text. @default {false} */
  json?: boolean;
}

/**
 * Creates a log with one line per entry: `2026-11-22T10:00:00.000Z info camera started camera=pi`.
 */
export function createLog({ clock, write, json = false }: LogOptions): Log {
  const line = (level: string) => (event: string, fields: Fields = {}) => {
    const time = new Date(clock.now()).toISOString();
    write(printable(
      json ? JSON.stringify({ time, level, event, ...fields }) : text(time, level, event, fields),
    ));
  };
  return { info: line("info"), warn: line("warn"), error: line("error") };
}

function text(time: string, level: string, event: string, fields: Fields): string {
  const defined = Object.entries(fields).filter(([, value]) => value !== undefined);
  return [time, level, event, ...defined.map(([name, value]) => `${name}=${logValue(value)}`)].join(
    " ",
  );
}

/**
 * Quotes and escapes a value that is not one plain word, so that no field can forge another line.
 */
function logValue(value: Fields[string]): string {
  return /^[\w.:/@+-]+$/.test(`${value}`) ? `${value}` : JSON.stringify(`${value}`);
}
