import { type CuesOptions, TRACK } from "../matroska/mod.ts";
import type { SegmentIndex } from "./segment.ts";
import { clusterDuration } from "./sound_clusters.ts";

/** Duration of a frame in a file with only one, in milliseconds. */
const SINGLE_FRAME = 40;

/** Returns the number of clusters of a segment: of frames, and of sound. */
export function clusterCount(index: SegmentIndex): number {
  return index.length + (index.sound?.length ?? 0);
}

/** Returns a cue for each cluster of a segment, by time. */
export function cuesOf(index: SegmentIndex): CuesOptions {
  const { sound } = index;
  const count = clusterCount(index);
  const cues = {
    times: new Uint32Array(count),
    offsets: new Float64Array(count),
    tracks: new Uint8Array(count),
  };
  let [frame, cluster] = [0, 0];
  for (let i = 0; i < count; i++) {
    const isFrame = !sound || cluster === sound.length ||
      frame < index.length && index.time(frame) <= sound.time(cluster);
    const [track, position] = isFrame ? [index, frame++] : [sound, cluster++];
    cues.times[i] = track.time(position);
    cues.offsets[i] = track.offset(position);
    cues.tracks[i] = isFrame ? TRACK.VIDEO : TRACK.SOUND;
  }
  return cues;
}

/**
 * Returns the duration of a segment with at least one frame, in milliseconds: to the end of the last
 * frame, which is shown for as long as the others, or of the sound.
 */
export function durationOf(index: SegmentIndex): number {
  const { length, sound } = index;
  const last = index.time(length - 1);
  const frames = length === 1 ? SINGLE_FRAME : last + last / (length - 1);
  if (!sound || sound.length === 0) return frames;
  const cluster = sound.length - 1;
  return Math.max(frames, sound.time(cluster) + clusterDuration(sound, cluster));
}
