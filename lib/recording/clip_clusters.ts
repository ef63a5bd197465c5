import { TRACK } from "../matroska/mod.ts";

/** Clusters of a segment's file that a clip contains: frames, and sound. */
export interface Clusters {
  /** Offset of each cluster in the segment's file. */
  readonly offsets: Uint32Array;
  /** Size of the JPEG or the samples of each, in bytes. */
  readonly sizes: Uint32Array;
  /** Time of each in the clip, in milliseconds; rises strictly among those of a track. */
  readonly times: Uint32Array;
  /** Track of each; undefined if all are frames. */
  readonly tracks?: Uint8Array;
  /**
   * Number of bytes that are left out at the beginning of the first cluster of sound; 0 without it. Its
   * offset is then not that of a header, but {@link CLUSTER_HEADER} bytes before its samples.
   */
  readonly skipped?: number;
}

/** Clusters of sound; see {@link Clusters}. */
export type SoundClusters = Omit<Clusters, "tracks"> & { readonly skipped: number };

/** Combines frames and sound, in the order of the file. */
export function interleave(frames: Clusters, sound: SoundClusters): Clusters {
  const count = frames.offsets.length + sound.offsets.length;
  const offsets = new Uint32Array(count);
  const sizes = new Uint32Array(count);
  const times = new Uint32Array(count);
  const tracks = new Uint8Array(count);
  for (let at = 0, frame = 0, heard = 0; at < count; at++) {
    const isFrame = (frames.offsets[frame] ?? Infinity) < (sound.offsets[heard] ?? Infinity);
    const [from, i] = isFrame ? [frames, frame++] : [sound, heard++];
    offsets[at] = from.offsets[i]!;
    sizes[at] = from.sizes[i]!;
    times[at] = from.times[i]!;
    tracks[at] = isFrame ? TRACK.VIDEO : TRACK.SOUND;
  }
  return { offsets, sizes, times, tracks, skipped: sound.skipped };
}

/** Returns the first elements. They keep no memory for the others. */
export function shrink(array: Uint32Array, length: number): Uint32Array {
  return length === array.length ? array : array.slice(0, length);
}
