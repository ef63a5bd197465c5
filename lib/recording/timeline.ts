import type { SegmentTimes } from "../playback/mod.ts";
import type { Span, Timeline } from "./library.ts";
import type { Extent } from "./library.ts";
import type { OpenSegment, Segment, SegmentIndex } from "./segment.ts";
import { NO_FRAME, type SegmentTable } from "./segment_table.ts";
import { continues, gapLimit } from "./visible.ts";

/** Segments of a camera, as {@link buildTimeline} needs them. */
export interface TimelineSource {
  readonly extent: Extent;
  readonly open: Iterable<OpenSegment>;
  tables(from: number, to: number): AsyncIterable<SegmentTable>;
}

/** Maximum number of digits of activity. */
const MAX_DIGITS = 1000;
/** The digits stand for whole seconds. In milliseconds. */
const SECOND = 1000;
/** Maximum number of segments that are opened to find the gaps in them. */
const MAX_OPENED = 100;

/**
 * Returns the spans and the activity of a period. Spans are not cut: one can begin before the
 * period, and end after it.
 *
 * @param indexOf Reads the frames of a segment.
 */
export async function buildTimeline(
  source: TimelineSource,
  period: { from: number; to: number },
  indexOf: (segment: Segment) => Promise<SegmentIndex | undefined>,
): Promise<Timeline> {
  const { oldest = 0, newest = 0 } = source.extent;
  const from = Number.isFinite(period.from) ? period.from : oldest;
  const to = Math.max(from, Number.isFinite(period.to) ? period.to : newest);
  const activity = new Activity(from, to);
  const spans = new Spans();
  let opened = 0;
  for await (const table of source.tables(from, to)) {
    for (let i = table.firstFrom(from - table.longest); i < table.length; i++) {
      if (table.start(i) > to) break;
      if (table.end(i) < from) continue;
      activity.addRow(table, i);
      const isSplit = table.hasGap(i) && opened++ < MAX_OPENED;
      const index = isSplit ? await indexOf(table.segment(i)) : undefined;
      if (index) spans.addFrames(index, timesOf(table, i));
      else spans.add(timesOf(table, i));
    }
  }
  for (const segment of source.open) {
    if (segment.frames === 0 || segment.start > to || segment.end < from) continue;
    activity.addOpen(segment);
    spans.addFrames(segment.index, segment);
  }
  return {
    spans: spans.end(),
    activityInterval: activity.interval,
    activity: activity.text(),
  };
}

/** A segment, or a part of one without a gap. */
interface Part extends SegmentTimes {
  readonly number: number;
  readonly bytes: number;
}

function timesOf(table: SegmentTable, i: number): Part {
  return {
    start: table.start(i),
    end: table.end(i),
    frames: table.frames(i),
    bytes: table.bytes(i),
    number: table.number(i),
    thinnedTo: table.thinnedTo(i),
  };
}

/** A span that may be continued. */
interface OpenSpan {
  readonly start: number;
  last: Part;
  frames: number;
  bytes: number;
}

/** Number of spans that are compared with the next segment. There is more than one where they overlap. */
const MAX_OPEN_SPANS = 4;

/** Joins segments, which are added by start. */
class Spans {
  readonly #spans: OpenSpan[] = [];
  /** The spans that may be continued. */
  #open: OpenSpan[] = [];

  add(part: Part): void {
    let span: OpenSpan | undefined;
    for (const open of this.#open) {
      const isBetter = !span || open.last.number > span.last.number;
      if (open.last.number <= part.number && isBetter && continues(part, open.last)) span = open;
    }
    const { start, frames, bytes } = part;
    if (span) {
      span.last = part;
      span.frames += frames;
      span.bytes += bytes;
    } else {
      span = { start, last: part, frames, bytes };
      this.#spans.push(span);
      this.#open = [...this.#open.slice(1 - MAX_OPEN_SPANS), span];
    }
  }

  /** Adds a segment that may have gaps. */
  addFrames(index: SegmentIndex, part: Part): void {
    const limit = gapLimit(part, part);
    let [first, last] = [0, index.length - 1];
    const { start, bytes, number, thinnedTo } = part;
    let rest = bytes;
    for (let frame = 1; frame <= last + 1; frame++) {
      if (frame <= last && index.time(frame) - index.time(frame - 1) <= limit) continue;
      const isLast = frame > last;
      const size = isLast ? rest : index.endOffset(frame - 1) - index.offset(first);
      this.add({
        start: start + index.time(first),
        end: start + index.time(frame - 1),
        frames: frame - first,
        bytes: size,
        number,
        thinnedTo,
      });
      rest -= size;
      first = frame;
    }
  }

  end(): Span[] {
    return this.#spans.map(({ start, last, frames, bytes }) => ({
      start,
      end: last.end,
      frames,
      bytes,
    }));
  }
}

/** The largest digit in each interval of a period. */
class Activity {
  /** In milliseconds. */
  readonly interval: number;
  readonly #from: number;
  readonly #digits: Uint8Array;

  constructor(from: number, to: number) {
    this.interval = Math.max(1, Math.ceil((to - from + 1) / SECOND / MAX_DIGITS)) * SECOND;
    this.#from = from;
    this.#digits = new Uint8Array(Math.ceil((to - from + 1) / this.interval)).fill(NO_FRAME);
  }

  addRow(table: SegmentTable, i: number): void {
    const [start, end] = [table.start(i), table.end(i)];
    const [first, last] = [this.#position(start), this.#position(end)];
    const seconds = table.activityLength(i);
    if (first === last || seconds === 0) {
      for (let at = first; at <= last; at++) this.#add(at, table.peak(i));
    } else {
      for (let second = 0; second < seconds; second++) {
        this.#add(this.#position(start + second * SECOND), table.activity(i, second));
      }
    }
  }

  addOpen({ start, activity }: OpenSegment): void {
    for (let second = 0; second < activity.length; second++) {
      const digit = activity[second] === "-" ? NO_FRAME : Number(activity[second]);
      this.#add(this.#position(start + second * SECOND), digit);
    }
  }

  text(): string {
    return Array.from(this.#digits, (digit) => digit === NO_FRAME ? "-" : digit).join("");
  }

  #position(time: number): number {
    return Math.floor((time - this.#from) / this.interval);
  }

  #add(at: number, digit: number): void {
    if (digit === NO_FRAME || at < 0 || at >= this.#digits.length) return;
    const known = this.#digits[at]!;
    if (known === NO_FRAME || digit > known) this.#digits[at] = digit;
  }
}
