import type { Clock } from "./clock.ts";

/** What else belongs to an event: `{ camera: "front", pid: 12 }`. */
export type Fields = Record<string, string | number | boolean | undefined>;

/** Takes events: a fixed phrase and fields. Once for each event, never for each frame. */
export interface Log {
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
}

/** Options of {@link createLog}. */
export interface LogOptions {
  clock: Clock;
  /** Takes one finished line, without its end. */
  write: (line: string) => void;
  /** Lines for machines instead of people: one JSON object each. */
  json?: boolean;
}

/** Makes a log that writes a line for each event: `2026-11-22T10:00:00.000Z info camera started camera=pi`. */
export function createLog({ clock, write, json = false }: LogOptions): Log {
  const line = (level: string) => (event: string, fields: Fields = {}) => {
    const time = new Date(clock.now()).toISOString();
    write(
      json ? JSON.stringify({ time, level, event, ...fields }) : text(time, level, event, fields),
    );
  };
  return { info: line("info"), warn: line("warn"), error: line("error") };
}

function text(time: string, level: string, event: string, fields: Fields): string {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return [time, level, event, ...known.map(([name, value]) => `${name}=${logValue(value)}`)].join(
    " ",
  );
}

/** A value as it is when it is one word, else with quotes and escapes: a field cannot forge another line. */
function logValue(value: Fields[string]): string {
  return /^[\w.:/@+-]+$/.test(`${value}`) ? `${value}` : JSON.stringify(`${value}`);
}
