import type { Bytes } from "../bytes.ts";
import type { Segment } from "./segment.ts";
import { DAY, parseSegmentName } from "./segment_name.ts";
import { type SegmentRow, SegmentTable } from "./segment_table.ts";

// The index of a day, `index.tsv`: a line for each closed segment, with its name, number, start and
// end (ms), frames, bytes, thinnedTo (or empty), and activity, separated by tabs. Later lines
// replace earlier ones with the same name. It is a cache: a line that is not valid is ignored, and
// lines are missing if the server was killed.

/** What {@link parseIndex} finds in an index. */
export interface ParsedIndex {
  readonly table: SegmentTable;
  /** Number of lines that are not in the table: not valid, or replaced by later lines. */
  readonly useless: number;
  /** Whether a line can be appended: the last line is whole. */
  readonly isWhole: boolean;
}

const [TAB, ZERO] = [0x09, 0x30];
const ACTIVITY = /^[\d-]*$/;

/** Formats the line of a segment. */
export function indexLine(segment: Segment): string {
  const { name, number, start, end, frames, bytes, thinnedTo = "", activity } = segment;
  return `${[name, number, start, end, frames, bytes, thinnedTo, activity].join("\t")}\n`;
}

/** Formats the lines of the segments of a day. */
export function indexText(table: SegmentTable, includes = (_name: string) => true): string {
  let text = "";
  for (let i = 0; i < table.length; i++) {
    const segment = table.segment(i);
    if (includes(segment.name)) text += indexLine(segment);
  }
  return text;
}

/** Reads the index of a day. */
export function parseIndex(
  bytes: Bytes,
  place: { camera: string; day: string },
  dayStart: number,
): ParsedIndex {
  const text = new TextDecoder("latin1").decode(bytes);
  let lines = 0;
  for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) lines++;
  const table = new SegmentTable(place, dayStart, Math.min(lines, bytes.length >> 5));
  const line = new Line(text);
  while (line.next()) {
    const row = parseLine(line, dayStart);
    if (row) table.put(row);
  }
  return { table, useless: lines - table.length, isWhole: line.end === text.length - 1 };
}

function parseLine(line: Line, dayStart: number): SegmentRow | undefined {
  const name = parseSegmentName(line.text());
  const [number, start, end] = [line.integer(), line.integer(), line.integer()];
  const [frames, bytes] = [line.integer(), line.integer()];
  const rate = line.text();
  const activity = line.rest();
  const duration = end - start;
  const thinnedTo = rate === "" ? undefined : Number(rate);
  const isValid = name && start === dayStart + name.offset && duration >= 0 && duration < DAY &&
    number < 2 ** 32 && frames > 0 && frames < 2 ** 32 && bytes > 0 &&
    (thinnedTo === undefined || thinnedTo > 0) && ACTIVITY.test(activity);
  if (!isValid) return undefined;
  const { offset, attempt } = name;
  return { offset, attempt, number, duration, frames, bytes, thinnedTo, activity };
}

/** The lines of an index, one after another, and the fields of each. */
class Line {
  readonly #text: string;
  /** Position of the line feed at the end of the line. */
  end = -1;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Moves to the next whole line; returns false if there is none. */
  next(): boolean {
    const end = this.#text.indexOf("\n", this.end + 1);
    if (end < 0) return false;
    this.#at = this.end + 1;
    this.end = end;
    return true;
  }

  /** Reads a field. */
  text(): string {
    const from = this.#at;
    while (this.#at < this.end && this.#text.charCodeAt(this.#at) !== TAB) this.#at++;
    return this.#text.slice(from, this.#at++);
  }

  /** Reads a field with a whole number; NaN if it is anything else. */
  integer(): number {
    const from = this.#at;
    let value = 0;
    for (; this.#at < this.end; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === TAB) break;
      const digit = code - ZERO;
      value = digit >= 0 && digit <= 9 ? value * 10 + digit : NaN;
    }
    const length = this.#at++ - from;
    return length > 0 && length < 16 ? value : NaN;
  }

  /** Returns the last field. */
  rest(): string {
    return this.#text.slice(Math.min(this.#at, this.end), this.end);
  }
}
