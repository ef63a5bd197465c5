import { CLUSTER_HEADER, type SoundTrack } from "../matroska/mod.ts";
import type { SoundClusters } from "./clip_clusters.ts";
import type { FrameRange } from "./library.ts";
import type { SegmentSound } from "./segment.ts";
import { clusterDuration, SAMPLE_SIZE } from "./sound_clusters.ts";
import { firstFrom } from "./visible.ts";

/** Overlap of the sound of two segments that is no more than an inexact time, in milliseconds. */
const INEXACT = 10;
/** How long after the start of the next segment the last sound of a segment may begin, in ms. */
const LATE = 100;

/** The period of a range whose sound is taken; times in milliseconds since the Unix epoch. */
export interface SoundPeriod {
  /** Start of the clip. */
  readonly start: number;
  /** Time at which the next range begins, or the clip ends. */
  readonly end: number;
  /** Whether it is the end of the clip. */
  readonly isLast: boolean;
}

/**
 * Chooses the sound of a clip, range by range: from the first frame to the end of the clip. Sound
 * of another rate than that of the first range with sound is left out.
 */
export class ClipSound {
  #rate: number | undefined;
  /** Time at which the sound ends so far, in milliseconds since the Unix epoch. */
  #end = -Infinity;
  #lastTime = -1;

  /** The track; undefined if there is no sound so far. */
  get track(): SoundTrack | undefined {
    return this.#rate === undefined ? undefined : { rate: this.#rate };
  }

  /** Takes the sound from the first frame of a range on; undefined if there is none. */
  take(
    { segment, index, first }: FrameRange,
    { start, end, isLast }: SoundPeriod,
  ): SoundClusters | undefined {
    const { sound } = index;
    if (!sound || (this.#rate ?? sound.rate) !== sound.rate) return undefined;
    const begin = segment.start + index.time(first);
    const firstHeard = endsAfter(sound, Math.max(begin, this.#end) - segment.start);
    const until = firstFrom(sound, end - segment.start + (isLast ? -SHORTEST : LATE));
    if (firstHeard >= until) return undefined;
    const firstTime = segment.start + sound.time(firstHeard);
    // The sound of the range before ends with a whole cluster, which may be later than its end.
    const overlap = this.#end - firstTime;
    const early = Math.max(0, begin - firstTime, overlap > INEXACT ? overlap : 0);
    if (firstTime + early > end - SHORTEST && isLast) return undefined;
    this.#rate = sound.rate;
    const skipped = bytesOf(early, sound);
    const count = until - firstHeard;
    const clusters = {
      offsets: new Uint32Array(count),
      sizes: new Uint32Array(count),
      times: new Uint32Array(count),
    };
    for (let i = 0; i < count; i++) {
      const cluster = firstHeard + i;
      const offset = sound.offset(cluster) + (i === 0 ? skipped : 0);
      const time = segment.start + sound.time(cluster) + (i === 0 ? early : 0);
      const size = sound.endOffset(cluster) - offset - CLUSTER_HEADER;
      clusters.offsets[i] = offset;
      clusters.sizes[i] = isLast ? Math.min(size, bytesOf(end - time, sound)) : size;
      clusters.times[i] = this.#lastTime = Math.max(Math.round(time - start), this.#lastTime + 1);
    }
    this.#end = segment.start + endOf(sound, until - 1);
    return { ...clusters, skipped };
  }
}

/** Shortest sound that is worth a cluster, in milliseconds: times are whole milliseconds. */
export const SHORTEST = 1;

/** Returns the size of samples, in bytes. @param duration In milliseconds. */
export function bytesOf(duration: number, { rate }: SoundTrack): number {
  return SAMPLE_SIZE * Math.max(0, Math.round(duration * rate / 1000));
}

/** Returns the duration of samples, in milliseconds. @param bytes Their size. */
export function durationOf(bytes: number, { rate }: SoundTrack): number {
  return bytes / SAMPLE_SIZE * 1000 / rate;
}

/** Returns when a cluster of sound ends, in milliseconds since the segment's start. */
export function endOf(sound: SegmentSound, cluster: number): number {
  return sound.time(cluster) + clusterDuration(sound, cluster);
}

/** Returns the first cluster of sound that ends after a time; the number of clusters if none. */
export function endsAfter(sound: SegmentSound, time: number): number {
  const first = firstFrom(sound, time);
  return first > 0 && endOf(sound, first - 1) > time + SHORTEST ? first - 1 : first;
}
