import { CLUSTER_HEADER } from "../matroska/mod.ts";
import type { SegmentSound } from "./segment.ts";
import { firstFrom } from "./visible.ts";

/** Size of a sample, in bytes: 16 bits, mono. */
export const SAMPLE_SIZE = 2;

/** Returns the duration of a cluster of sound, in milliseconds. */
export function clusterDuration(sound: SegmentSound, cluster: number): number {
  const size = sound.endOffset(cluster) - sound.offset(cluster) - CLUSTER_HEADER;
  return size / SAMPLE_SIZE / sound.rate * 1000;
}

/**
 * Returns the first and the last cluster that begins in a period, given in milliseconds since the
 * segment's start; undefined if there is none.
 *
 * @param options.overlap Whether a cluster counts that begins before the period and reaches into it.
 */
export function clustersIn(
  sound: SegmentSound,
  { from, to, overlap = false }: { from: number; to: number; overlap?: boolean },
): { first: number; last: number } | undefined {
  let first = firstFrom(sound, from);
  const last = firstFrom(sound, to + 1) - 1;
  const before = first - 1;
  if (overlap && before >= 0 && sound.time(before) + clusterDuration(sound, before) > from) first--;
  return first <= last ? { first, last } : undefined;
}
