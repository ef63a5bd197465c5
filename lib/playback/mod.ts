/**
 * Plays recordings: decides which recorded frame to show next, at any speed and in both directions.
 * Independent of how frames are stored and sent.
 *
 * @module
 */
export {
  type FrameSource,
  gapLimit,
  isGap,
  meanInterval,
  minGap,
  type RecordedFrame,
  type SegmentTimes,
} from "./frame_source.ts";
export { arrivalTime, shownUntil } from "./live_edge.ts";
export { Playback, type PlaybackEvent, type PlaybackOptions } from "./playback.ts";
export { Playhead, type PlayheadOptions } from "./playhead.ts";
export {
  type RecordedSound,
  type RecordedSoundSource,
  soundEnd,
  soundFrom,
} from "./recorded_sound.ts";
export { Wait } from "./wait.ts";
