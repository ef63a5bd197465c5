/**
 * Streams for viewers: the latest frame wins, streams without new frames are kept alive, and
 * viewers are counted and limited. Independent of HTTP.
 *
 * @module
 */
export { KeepAlive } from "./keep_alive.ts";
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
