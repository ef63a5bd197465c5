import { meanInterval, minGap, type SegmentTimes } from "../playback/mod.ts";
import type { Segment, SegmentIndex } from "./segment.ts";

/** A part of a segment that is played; times inclusive. A part can be without a frame. */
export interface Piece {
  readonly segment: Segment;
  readonly from: number;
  readonly to: number;
}

/** A period; times inclusive. */
type Period = [from: number, to: number];

/** Returns the longest gap between two segments that is no interruption, in milliseconds. */
export function gapLimit(before: SegmentTimes, after: SegmentTimes): number {
  return minGap(Math.max(meanInterval(before), meanInterval(after)));
}

/** Whether a segment continues another one, without an interruption. */
export function continues(after: SegmentTimes, before: SegmentTimes): boolean {
  return after.start > before.end && after.start - before.end <= gapLimit(before, after);
}

/**
 * Returns the parts of segments that are played, by time. Where segments overlap, as the clock was
 * set back, that is the one with the largest number. The short time from the end of a segment to
 * the start of the one that continues it belongs to them as well.
 */
export function visiblePieces(segments: readonly Segment[]): Piece[] {
  const byNumber = segments.toSorted((a, b) => b.number - a.number || b.start - a.start);
  const covered: Period[] = [];
  const pieces: Piece[] = [];
  let next: Segment | undefined;
  for (const segment of byNumber) {
    for (const [from, to] of subtract([segment.start, segment.end], covered)) {
      pieces.push({ segment, from, to });
    }
    covered.push([segment.start, next && continues(next, segment) ? next.start : segment.end]);
    next = segment;
  }
  return pieces.sort((a, b) => a.from - b.from);
}

/** Returns the first and the last frame of a part of a segment; undefined if it has none. */
export function framesIn(
  index: SegmentIndex,
  { segment, from, to }: Piece,
): { first: number; last: number } | undefined {
  const first = firstFrom(index, from - segment.start);
  const last = firstFrom(index, to - segment.start + 1) - 1;
  return first <= last ? { first, last } : undefined;
}

/**
 * Returns the first frame, or cluster of sound, at or after a time since the segment's start; the
 * length if none is.
 */
export function firstFrom(index: Pick<SegmentIndex, "length" | "time">, time: number): number {
  let [low, high] = [0, index.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (index.time(middle) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns a period without its overlaps with other periods. */
function subtract(period: Period, others: readonly Period[]): Period[] {
  let parts = [period];
  for (const [from, to] of others) {
    if (to < period[0] || from > period[1]) continue;
    parts = parts.flatMap(([start, end]): Period[] => {
      if (to < start || from > end) return [[start, end]];
      const around: Period[] = [[start, from - 1], [to + 1, end]];
      return around.filter(([start, end]) => start <= end);
    });
  }
  return parts;
}
