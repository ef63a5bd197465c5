import { ActivityMeter } from "./activity.ts";
import { ClusterTable, GrowingSound } from "./cluster_table.ts";
import { type SoundTrack, TRACK, type Track } from "../matroska/mod.ts";
import type { OpenSegment, Segment, SegmentIndex, SegmentPlace } from "./segment.ts";

/** Properties of a {@link GrowingSegment}. */
export interface GrowingSegmentOptions {
  readonly place: SegmentPlace;
  readonly number: number;
  /** Time of the first frame. */
  readonly start: number;
  /** Size of the file without frames, in bytes. */
  readonly bytes: number;
  /** Missing for a segment without sound. */
  readonly sound?: SoundTrack;
  /** Measures the activity, for consecutive segments of one camera. */
  readonly activity: ActivityMeter;
}

/** The segment that a recorder writes, in memory: 12 bytes for each frame, or 16 with sound. */
export class GrowingSegment implements OpenSegment {
  readonly camera: string;
  readonly day: string;
  readonly name: string;
  readonly number: number;
  readonly start: number;
  readonly index: GrowingIndex;
  readonly #activity: ActivityMeter;
  #digits = "";

  constructor({ place, number, start, bytes, sound, activity }: GrowingSegmentOptions) {
    ({ camera: this.camera, day: this.day, name: this.name } = place);
    this.number = number;
    this.start = start;
    this.index = new GrowingIndex(bytes, sound);
    this.#activity = activity;
    activity.begin();
  }

  get end(): number {
    const { length } = this.index;
    return length === 0 ? this.start : this.start + this.index.time(length - 1);
  }

  get frames(): number {
    return this.index.length;
  }

  get bytes(): number {
    return this.index.end;
  }

  get activity(): string {
    return this.#digits + (this.index.length > 0 ? this.#activity.digit : "");
  }

  /**
   * Adds a frame that is in the file.
   *
   * @param at Its time, in milliseconds since the Unix epoch.
   * @param size Size of its JPEG, in bytes.
   * @param clusterSize Size of its cluster, in bytes.
   */
  add({ at, size, clusterSize }: { at: number; size: number; clusterSize: number }): void {
    const time = at - this.start;
    const second = Math.floor(time / 1000);
    if (second > this.#digits.length) {
      this.#digits = (this.#digits + this.#activity.take()).padEnd(second, "-");
    }
    this.#activity.add(size, at);
    this.index.add(time, clusterSize);
  }

  /**
   * Adds a cluster of sound that is in the file.
   *
   * @param at Time of its first sample, in milliseconds since the Unix epoch.
   * @param clusterSize Its size, in bytes.
   */
  addSound({ at, clusterSize }: { at: number; clusterSize: number }): void {
    this.index.add(at - this.start, clusterSize, TRACK.SOUND);
  }

  /** Returns the segment as it is now. @param bytes Size of the file. */
  toSegment(bytes = this.bytes): Segment {
    const { camera, day, name, number, start, end, frames, activity } = this;
    return { camera, day, name, number, start, end, frames, bytes, activity };
  }
}

/** An index that grows. */
export class GrowingIndex implements SegmentIndex {
  readonly sound: GrowingSound | undefined;
  /** Offset of the end of the last cluster. */
  end: number;
  readonly #frames: ClusterTable;

  /** @param start Offset of the first cluster. */
  constructor(start: number, sound?: SoundTrack) {
    this.end = start;
    this.sound = sound && new GrowingSound(sound);
    this.#frames = new ClusterTable({ noun: "frame", hasOthers: sound !== undefined });
  }

  get length(): number {
    return this.#frames.length;
  }

  time(frame: number): number {
    return this.#frames.time(frame);
  }

  offset(frame: number): number {
    return this.#frames.offset(frame);
  }

  endOffset(frame: number): number {
    return this.#frames.endOffset(frame);
  }

  /** Adds a cluster. */
  add(time: number, size: number, track: Track = TRACK.VIDEO): void {
    const clusters = track === TRACK.VIDEO ? this.#frames : this.sound!;
    clusters.add(time, this.end, size);
    this.end += size;
  }
}
