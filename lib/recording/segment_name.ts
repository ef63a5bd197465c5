import type { SegmentPlace } from "./segment.ts";

/** Duration of a day, in milliseconds. */
export const DAY = 86_400_000;

/** Name of the file with the index of a day. */
export const INDEX_NAME = "index.tsv";
/** Name of the file with the marks of a day. */
export const MARKS_NAME = "marks.jsonl";

/** The names that cameras can have. */
const CAMERA = /^[a-z0-9_-]{1,64}$/i;
const DAY_NAME = /^\d{4}-\d{2}-\d{2}$/;
/** Length of a name without the attempt: "05-43-33.123Z". */
const TIME_LENGTH = 13;
const EXTENSION = ".mkv";
/** Extension of the temporary files of thinning, after that of the segment. */
const TEMPORARY = ".tmp";

/** The time in a segment's name. */
export interface SegmentName {
  /** Milliseconds since the start of the UTC day. */
  readonly offset: number;
  /** Number of the segment among those that start at the same time, from 1. */
  readonly attempt: number;
}

/**
 * Returns the place of a segment.
 *
 * @param start Time of its first frame, in whole milliseconds since the Unix epoch.
 * @param attempt From 1; larger if a segment with the name exists.
 */
export function segmentPlace(camera: string, start: number, attempt = 1): SegmentPlace {
  const time = new Date(start).toISOString();
  const offset = start - Math.floor(start / DAY) * DAY;
  return { camera, day: time.slice(0, -14), name: segmentName({ offset, attempt }) };
}

/** Returns the name of the UTC day that a time belongs to: "2026-11-27". */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, -14);
}

/** Formats the file name of a segment: "05-43-33.123Z.mkv", "05-43-33.123Z-2.mkv". */
export function segmentName({ offset, attempt }: SegmentName): string {
  const number = (value: number, digits: number) => `${Math.floor(value)}`.padStart(digits, "0");
  const time = [offset / 3_600_000, offset / 60_000 % 60, offset / 1000 % 60]
    .map((value) => number(value, 2)).join("-");
  const suffix = attempt === 1 ? "" : `-${attempt}`;
  return `${time}.${number(offset % 1000, 3)}Z${suffix}${EXTENSION}`;
}

/**
 * Reads the file name of a segment; undefined if {@link segmentName} cannot have returned it. Such
 * files are never listed, changed or deleted.
 */
export function parseSegmentName(name: string): SegmentName | undefined {
  const end = name.length - EXTENSION.length;
  if (end < TIME_LENGTH || !name.endsWith(EXTENSION)) return undefined;
  const offset = parseTime(name);
  if (offset === undefined) return undefined;
  if (end === TIME_LENGTH) return { offset, attempt: 1 };
  const attempt = Number(/^-([1-9]\d{0,3})$/.exec(name.slice(TIME_LENGTH, end))?.[1]);
  return attempt >= 2 ? { offset, attempt } : undefined;
}

/** Whether a name is that of a temporary file of thinning: "05-43-33.123Z.mkv.tmp". */
export function isTemporaryName(name: string): boolean {
  return name.endsWith(TEMPORARY) &&
    parseSegmentName(name.slice(0, -TEMPORARY.length)) !== undefined;
}

/** Whether a folder can be that of a camera. */
export function isCameraName(name: string): boolean {
  return CAMERA.test(name);
}

/** Returns the start of a day from the name of its folder; undefined if it is no such name. */
export function parseDay(name: string): number | undefined {
  const start = DAY_NAME.test(name) ? Date.parse(`${name}T00:00:00Z`) : NaN;
  return Number.isNaN(start) || dayOf(start) !== name ? undefined : start;
}

/** Returns the path of a segment. */
export function segmentPath(root: string, { camera, day, name }: SegmentPlace): string {
  return `${root}/${camera}/${day}/${name}`;
}

/** Reads "05-43-33.123Z" at the start of a name: milliseconds since the start of the day. */
function parseTime(name: string): number | undefined {
  const digits = (at: number, length: number) => {
    let value = 0;
    for (let i = at; i < at + length; i++) {
      const digit = name.charCodeAt(i) - 48;
      if (!(digit >= 0 && digit <= 9)) return NaN;
      value = value * 10 + digit;
    }
    return value;
  };
  if (name[2] !== "-" || name[5] !== "-" || name[8] !== "." || name[12] !== "Z") return undefined;
  const [hours, minutes, seconds] = [digits(0, 2), digits(3, 2), digits(6, 2)];
  const offset = ((hours * 60 + minutes) * 60 + seconds) * 1000 + digits(9, 3);
  return hours < 24 && minutes < 60 && seconds < 60 && offset >= 0 ? offset : undefined;
}
