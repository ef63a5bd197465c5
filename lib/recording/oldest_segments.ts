import type { OldSegment } from "./library.ts";
import type { RecordedDay } from "./recorded_day.ts";
import type { OpenSegment } from "./segment.ts";
import type { SegmentTable } from "./segment_table.ts";

/** Options of {@link findOldest}. */
export interface OldestOptions {
  /** The days of a camera, by time. */
  readonly days: readonly RecordedDay[];
  readonly open: Iterable<OpenSegment>;
  /** Loads the segments of a day. */
  readonly load: (day: RecordedDay) => Promise<SegmentTable>;
  /** Present time. */
  readonly now: number;
  /** Start of this process, by the present clock. */
  readonly since: number;
}

interface Found {
  /** When the segment was recorded, at the latest. */
  readonly recordedBy: number;
  readonly end: number;
  readonly table: SegmentTable;
  readonly row: number;
}

/**
 * Finds the closed segments of a camera that were recorded first, by their end.
 *
 * Segments that start in the future were recorded while the clock was wrong, and their numbers tell
 * when: before the segments with larger numbers. Without any, they count as recorded when this
 * process was started, or when the newest of the others was recorded.
 */
export async function findOldest(count: number, options: OldestOptions): Promise<OldSegment[]> {
  const { days, load, now } = options;
  let found: Found[] = [];
  const add = (more: Found[]) => found = found.concat(more).sort(byTime).slice(0, count);
  /** Whether all segments that were recorded later, or end later, can be left out. */
  const isEnough = (recordedBy: number, end: number) =>
    found.length >= count && byTime(found[count - 1]!, { recordedBy, end }) <= 0;
  for (const day of days) {
    const { start, firstEnd, end, isOrdered } = boundsOf(day);
    if (start > now) continue;
    if (isEnough(firstEnd, firstEnd)) break;
    const table = await load(day);
    const rows = isOrdered && end <= now ? Math.min(count, table.length) : table.length;
    add(select(table, rows, (row) => table.start(row) <= now));
  }
  for (const day of days) {
    const { isScanned, summary: { start, end, firstEnd, maxNumber } } = day;
    if (!isScanned || end <= now) continue;
    if (start > now && isEnough(await recordedBefore(maxNumber, options), firstEnd)) continue;
    const table = await load(day);
    const future = select(table, table.length, (row) => table.start(row) > now);
    const last = future.reduce((max, { row }) => Math.max(max, table.number(row)), 0);
    const recordedBy = await recordedBefore(last, options);
    add(future.map((one) => ({ ...one, recordedBy })));
  }
  return found.map(({ recordedBy, end, table, row }) => {
    const segment = table.segment(row);
    return recordedBy === end ? segment : { ...segment, recordedBy };
  });
}

/** Sorts by the time of recording, then by the end. */
function byTime(
  a: Pick<Found, "recordedBy" | "end">,
  b: Pick<Found, "recordedBy" | "end">,
): number {
  return a.recordedBy - b.recordedBy || a.end - b.end;
}

function boundsOf({ isScanned, start, summary }: RecordedDay) {
  return isScanned ? summary : { start, firstEnd: start, end: Infinity, isOrdered: false };
}

function select(table: SegmentTable, rows: number, filter: (row: number) => boolean): Found[] {
  const found: Found[] = [];
  for (let row = 0; row < rows; row++) {
    const end = table.end(row);
    if (filter(row)) found.push({ recordedBy: end, end, table, row });
  }
  return found;
}

/** Returns by when all segments with a number up to this one were recorded. */
async function recordedBefore(
  number: number,
  { days, open, load, now, since }: OldestOptions,
): Promise<number> {
  let [next, newest] = [Infinity, since];
  for (const segment of open) {
    if (segment.number > number && segment.start <= now) next = Math.min(next, segment.start);
  }
  for (const day of days) {
    const { start, end, maxNumber } = day.summary;
    if (start > now) continue;
    newest = Math.max(newest, end);
    if (maxNumber <= number || start >= next) continue;
    const table = await load(day);
    for (let row = 0; row < table.length; row++) {
      const isNext = table.number(row) > number && table.start(row) <= now;
      if (isNext) next = Math.min(next, table.start(row));
    }
  }
  return Math.min(now, next === Infinity ? newest : next);
}
