import type { RecordedSoundSource } from "../playback/mod.ts";
import type { Cursor } from "./cursor.ts";
import type { DiskFile } from "./disk.ts";
import type { OpenSegment, Segment, SegmentIndex, SegmentSound } from "./segment.ts";

/** What is recorded of a camera, in short. */
export interface Extent {
  /** Time of the oldest and the newest frame; undefined without any. */
  readonly oldest: number | undefined;
  readonly newest: number | undefined;
  /** Size of all files of the camera, in bytes. */
  readonly bytes: number;
}

/** A closed segment that may be deleted. */
export interface OldSegment extends Segment {
  /** When it was recorded, at the latest; `end` without it. Its times are in the future. */
  readonly recordedBy?: number;
}

/** A period without gaps. */
export interface Span {
  /** Times of the first and the last frame. */
  readonly start: number;
  readonly end: number;
  readonly frames: number;
  readonly bytes: number;
}

/** The recordings of a camera in a period. */
export interface Timeline {
  /** By start. Spans overlap where the clock was set back. */
  readonly spans: readonly Span[];
  /** Duration of a digit of `activity`, in milliseconds. */
  readonly activityInterval: number;
  /** A digit for each interval from the start of the period; `-` without a recording. */
  readonly activity: string;
}

/** Consecutive frames of a segment. */
export interface FrameRange {
  readonly segment: Segment;
  readonly index: SegmentIndex;
  /** The first and the last frame; both belong to the range. */
  readonly first: number;
  readonly last: number;
}

/** Consecutive clusters of sound of a segment. */
export interface SoundRange {
  readonly segment: Segment;
  readonly sound: SegmentSound;
  /** The first and the last cluster; both belong to the range. */
  readonly first: number;
  readonly last: number;
}

/** The recorded segments of all cameras. Files are the only truth; it caches what they contain. */
export interface Library {
  /** Resolves when the sizes of all files are known. */
  readonly loaded: Promise<void>;
  /** Progress of reading the folder for the first time: 0 to 1. */
  readonly progress: number;
  /** Size of all files, with indexes, marks and open segments, in bytes. */
  readonly totalBytes: number;
  /** Names of the cameras with a folder, also of those that are no longer configured. */
  readonly cameras: readonly string[];
  extent(camera: string): Extent;
  /** Returns the segments that overlap a period, by start; with the open one. */
  segments(camera: string, from: number, to: number): Promise<readonly Segment[]>;
  timeline(camera: string, from: number, to: number): Promise<Timeline>;
  /** Opens a cursor before the first frame. It opens no file until it is moved. */
  cursor(camera: string): Cursor;
  /**
   * Yields the frames that are played in a period, by time. A segment can have several ranges. For
   * an open segment, they end at the frame that is the last one at that time.
   */
  frames(camera: string, from: number, to: number): AsyncIterable<FrameRange>;
  /**
   * Yields the sound that is played in a period, by time: nothing for segments without sound. A
   * cluster begins at `segment.start + sound.time(cluster)`, lasts for `clusterDuration()`, and
   * is in the file as `readClusterHeader` reads it, with `TRACK.SOUND`.
   *
   * Only clusters that begin after the period are left out, and those that end before it: the first
   * one can begin before `from`, the last one can end after `to`. Each cluster is yielded once.
   * Sound between a segment's last frame and the next segment is part of it. Where segments overlap,
   * as the clock was set back, the first cluster of a range can begin before the end of the last one.
   */
  sounds(camera: string, from: number, to: number): AsyncIterable<SoundRange>;
  /** Opens a source of a camera's sound. It opens no file until it reads. */
  soundSource(camera: string): RecordedSoundSource;
  /** Opens the file of a segment for reading; the caller closes it. */
  openFile(segment: Segment): Promise<DiskFile>;

  /** Number for the next segment of a camera; see `Segment.number`. */
  nextNumber(camera: string): number;
  /** Adds a segment that is being recorded. */
  add(segment: OpenSegment): void;
  /**
   * Replaces an open segment by the closed one, a segment by a thinned one, or a segment by one with
   * another time; writes the index of the day.
   */
  replace(old: Segment, replacement: Segment): Promise<void>;
  /** Removes a segment that has been deleted; writes the index of the day now or later. */
  remove(segment: Segment): Promise<void>;
  /** Returns the oldest closed segments of all cameras together, in the order of recording. */
  oldest(count: number): Promise<readonly OldSegment[]>;
}
