import { ActivityMeter } from "./activity.ts";
import type { OpenSegment, Segment, SegmentIndex, SegmentPlace } from "./segment.ts";

/** Properties of a {@link GrowingSegment}. */
export interface GrowingSegmentOptions {
  readonly place: SegmentPlace;
  readonly number: number;
  /** Time of the first frame. */
  readonly start: number;
  /** Size of the file without frames, in bytes. */
  readonly bytes: number;
  /** Measures the activity, for consecutive segments of one camera. */
  readonly activity: ActivityMeter;
}

/** The segment that a recorder writes, in memory: 12 bytes for each frame. */
export class GrowingSegment implements OpenSegment {
  readonly camera: string;
  readonly day: string;
  readonly name: string;
  readonly number: number;
  readonly start: number;
  readonly index: GrowingIndex;
  readonly #activity: ActivityMeter;
  #digits = "";

  constructor({ place, number, start, bytes, activity }: GrowingSegmentOptions) {
    ({ camera: this.camera, day: this.day, name: this.name } = place);
    this.number = number;
    this.start = start;
    this.index = new GrowingIndex(bytes);
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

  /** Returns the segment as it is now. @param bytes Size of the file. */
  toSegment(bytes = this.bytes): Segment {
    const { camera, day, name, number, start, end, frames, activity } = this;
    return { camera, day, name, number, start, end, frames, bytes, activity };
  }
}

/** An index that grows. */
export class GrowingIndex implements SegmentIndex {
  /** Offset of the end of the last cluster. */
  end: number;
  #length = 0;
  #times = new Uint32Array(256);
  #offsets = new Float64Array(256);

  /** @param start Offset of the first cluster. */
  constructor(start: number) {
    this.end = start;
  }

  get length(): number {
    return this.#length;
  }

  /** Times of all frames, for the cues. */
  get times(): Uint32Array {
    return this.#times.subarray(0, this.#length);
  }

  /** Offsets of all clusters, for the cues. */
  get offsets(): Float64Array {
    return this.#offsets.subarray(0, this.#length);
  }

  time(frame: number): number {
    return this.#times[this.#checked(frame)]!;
  }

  offset(frame: number): number {
    return this.#offsets[this.#checked(frame)]!;
  }

  endOffset(frame: number): number {
    return this.#checked(frame) === this.#length - 1 ? this.end : this.#offsets[frame + 1]!;
  }

  /** Adds a cluster. */
  add(time: number, size: number): void {
    if (this.#length === this.#times.length) this.#grow();
    this.#times[this.#length] = time;
    this.#offsets[this.#length] = this.end;
    this.end += size;
    this.#length++;
  }

  #grow(): void {
    const [times, offsets] = [this.#times, this.#offsets];
    this.#times = new Uint32Array(times.length * 2);
    this.#times.set(times);
    this.#offsets = new Float64Array(offsets.length * 2);
    this.#offsets.set(offsets);
  }

  #checked(frame: number): number {
    if (frame >= 0 && frame < this.#length) return frame;
    throw new RangeError(`Cannot find frame ${frame}: the segment has ${this.#length} frames`);
  }
}
