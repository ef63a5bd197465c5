/**
 * Where a segment is: `RECORD_DIR/<camera>/<day>/<name>`, as
 * `front/2026-11-27/05-43-33.123Z.mkv`.
 */
export interface SegmentPlace {
  readonly camera: string;
  /** UTC day of its first frame: "2026-11-27". */
  readonly day: string;
  /** File name: "05-43-33.123Z.mkv"; "05-43-33.123Z-2.mkv" if that existed. */
  readonly name: string;
}

/** A segment: a Matroska file with consecutive frames of one size. */
export interface Segment extends SegmentPlace {
  /**
   * Number of the segment among those of its camera: larger for segments that were recorded later,
   * also if the clock was set back. Where segments overlap, the one with the largest number is
   * played.
   */
  readonly number: number;
  /** Time of the first frame, in milliseconds since the Unix epoch. */
  readonly start: number;
  /** Time of the last frame, in milliseconds since the Unix epoch. */
  readonly end: number;
  readonly frames: number;
  /** Size of the file, in bytes. */
  readonly bytes: number;
  /**
   * A digit for each second since `start`: how much the sizes of the frames deviate, from 0 to 9;
   * `-` without a frame. A hint at motion.
   */
  readonly activity: string;
  /** Frame rate that it was thinned to; undefined if it has all recorded frames. */
  readonly thinnedTo?: number;
}

/**
 * The frames of a segment. That of an open segment grows while it is recorded: only frames that the
 * kernel has taken are in it.
 */
export interface SegmentIndex {
  /** Number of frames. */
  readonly length: number;
  /** Time of a frame since the segment's start, in milliseconds; rises strictly. */
  time(frame: number): number;
  /** Offset of a frame's cluster in the file. */
  offset(frame: number): number;
  /** Offset of the end of a frame's cluster. */
  endOffset(frame: number): number;
  /** The sound between the frames; undefined if the segment has no sound track. */
  readonly sound?: SegmentSound;
}

/** The sound of a segment: clusters of samples, at most 100 ms long, between those of the frames. */
export interface SegmentSound {
  /** Samples per second. */
  readonly rate: number;
  /** Number of clusters. */
  readonly length: number;
  /** Time of a cluster's first sample since the segment's start, in milliseconds; rises strictly. */
  time(cluster: number): number;
  /** Offset of a cluster in the file. */
  offset(cluster: number): number;
  /** Offset of the end of a cluster. */
  endOffset(cluster: number): number;
}

/** A segment that is being recorded. `end`, `frames`, `bytes` and `activity` grow. */
export interface OpenSegment extends Segment {
  readonly index: SegmentIndex;
}
