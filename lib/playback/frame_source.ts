import type { Jpeg } from "../frame.ts";

/** A recorded frame, without its image. */
export interface RecordedFrame {
  /** Capture time, in milliseconds since the Unix epoch; a whole number. */
  readonly at: number;
  /** The segment of the recording that contains it, for the mean interval between its frames. */
  readonly segment?: SegmentTimes;
}

/** Times and number of frames of a segment. */
export interface SegmentTimes {
  /** Times of the first and the last frame, in milliseconds since the Unix epoch. */
  readonly start: number;
  readonly end: number;
  readonly frames: number;
  /** Frame rate that it was thinned to; undefined if it has all recorded frames. */
  readonly thinnedTo?: number;
}

/**
 * One camera's recordings, for one reader. Frames that are being recorded are among them. Calls
 * must not overlap.
 */
export interface FrameSource extends AsyncDisposable {
  /**
   * Finds the last frame at or before a time, or the first one at or after it, and moves to it.
   * Resolves with undefined, and does not move, if there is none.
   */
  seek(at: number, edge: "before" | "after"): Promise<RecordedFrame | undefined>;
  /**
   * Moves to the next frame or the previous one. Resolves with undefined, and does not move, if
   * there is none.
   */
  step(by: 1 | -1): Promise<RecordedFrame | undefined>;
  /**
   * Reads the image of the frame that the last call has found; undefined if it has been deleted or
   * is damaged.
   */
  read(): Promise<Jpeg | undefined>;
}

/** Minimum duration of a gap, in milliseconds. */
const MIN_GAP = 2_000;
/** Minimum duration of a gap, in mean intervals between frames. */
const MIN_GAP_INTERVALS = 5;
/** Interval to assume for a frame without neighbours, in milliseconds. */
const DEFAULT_INTERVAL = 40;

/** Returns the mean interval between the frames of a segment, in milliseconds; 0 if unknown. */
export function meanInterval({ start, end, frames, thinnedTo }: SegmentTimes): number {
  const mean = frames > 1 ? (end - start) / (frames - 1) : 0;
  return thinnedTo === undefined ? mean : Math.max(mean, 1000 / thinnedTo);
}

/** Returns the mean interval between the frames around this one, in milliseconds. */
export function intervalAt({ segment }: RecordedFrame): number {
  return segment && meanInterval(segment) || DEFAULT_INTERVAL;
}

/** Returns the minimum duration of a gap between frames with a mean interval, in milliseconds. */
export function minGap(interval: number): number {
  return Math.max(MIN_GAP, MIN_GAP_INTERVALS * interval);
}

/** Returns the minimum duration of a gap beside a frame, in milliseconds. */
export function gapLimit(frame: RecordedFrame): number {
  return minGap(intervalAt(frame));
}

/** Whether the time between two consecutive frames is a gap: nothing was recorded in it. */
export function isGap(frame: RecordedFrame, other: RecordedFrame): boolean {
  return Math.abs(other.at - frame.at) > Math.max(gapLimit(frame), gapLimit(other));
}
