import type { SoundTrack } from "../matroska/mod.ts";
import type { SegmentSound } from "./segment.ts";

/** The clusters of one track, which is added to. */
export class ClusterTable {
  /** What a cluster is called in errors. */
  readonly #noun: string;
  #length = 0;
  #times = new Uint32Array(256);
  #offsets = new Float64Array(256);
  /** Undefined if each cluster ends where the next one begins. */
  #sizes: Uint32Array | undefined;
  /** Offset of the end of the last cluster. */
  #end = 0;

  /** @param options.hasOthers Whether there can be other clusters between those of the table. */
  constructor({ noun, hasOthers }: { noun: string; hasOthers: boolean }) {
    this.#noun = noun;
    if (hasOthers) this.#sizes = new Uint32Array(256);
  }

  get length(): number {
    return this.#length;
  }

  time(cluster: number): number {
    return this.#times[this.#checked(cluster)]!;
  }

  offset(cluster: number): number {
    return this.#offsets[this.#checked(cluster)]!;
  }

  endOffset(cluster: number): number {
    if (this.#checked(cluster) === this.#length - 1) return this.#end;
    return this.#sizes
      ? this.#offsets[cluster]! + this.#sizes[cluster]!
      : this.#offsets[cluster + 1]!;
  }

  /** Adds a cluster: its time, and its place in the file. */
  add(time: number, offset: number, size: number): void {
    if (this.#length === this.#times.length) this.#grow();
    this.#times[this.#length] = time;
    this.#offsets[this.#length] = offset;
    if (this.#sizes) this.#sizes[this.#length] = size;
    this.#end = offset + size;
    this.#length++;
  }

  #grow(): void {
    const length = this.#length * 2;
    const [times, offsets, sizes] = [this.#times, this.#offsets, this.#sizes];
    this.#times = new Uint32Array(length);
    this.#times.set(times);
    this.#offsets = new Float64Array(length);
    this.#offsets.set(offsets);
    if (!sizes) return;
    this.#sizes = new Uint32Array(length);
    this.#sizes.set(sizes);
  }

  #checked(cluster: number): number {
    if (cluster >= 0 && cluster < this.#length) return cluster;
    const noun = this.#noun;
    throw new RangeError(
      `Cannot find ${noun} ${cluster}: the segment has ${this.#length} ${noun}s`,
    );
  }
}

/** The sound of a segment, which is added to. */
export class GrowingSound extends ClusterTable implements SegmentSound {
  readonly rate: number;

  constructor({ rate }: SoundTrack) {
    super({ noun: "cluster", hasOthers: true });
    this.rate = rate;
  }
}
