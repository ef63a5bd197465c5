/**
 * Streams for viewers and listeners: the latest frame wins, sound waits a little, streams without
 * new frames are kept alive, and viewers are counted and limited. Independent of HTTP.
 *
 * @module
 */
export { KeepAlive } from "./keep_alive.ts";
export { openAvStream, type OpenAvStreamOptions } from "./open_av_stream.ts";
export { openSoundStream, type OpenSoundStreamOptions } from "./open_sound_stream.ts";
export { MATROSKA_SOUND, type SoundFormat, WAV } from "./sound_format.ts";
export { SoundUnavailable } from "./sound_unavailable.ts";
export { type DirectSender, ViewerStream, type ViewerStreamOptions } from "./viewer_stream.ts";
export { openPlaybackStream, type OpenPlaybackStreamOptions } from "./open_playback_stream.ts";
export { openViewerStream, type OpenViewerStreamOptions } from "./open_viewer_stream.ts";
export {
  TooManyViewers,
  Viewers,
  type ViewerSession,
  type ViewersOptions,
  type ViewerSummary,
} from "./viewers.ts";
