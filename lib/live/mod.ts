/**
 * The server's side of the live player: frames over a WebSocket. A frame is sent when the client
 * has acknowledged the previous one, so on a link of any speed a client is at most one transmission
 * behind; more are in flight only where they do not wait for each other. Recordings are replayed in
 * the same way. Sound is sent as it comes, to clients that ask for it.
 *
 * @module
 */
export {
  FRAME_HEADER,
  frameMessage,
  type Heights,
  isHeight,
  MESSAGE_KIND,
  PROTOCOL_VERSION,
  recordedFrameMessage,
  recordedSoundMessage,
  SOUND_HEADER,
  soundMessage,
} from "./message.ts";
export { CameraIndexes } from "./camera_indexes.ts";
export type { FeedCamera } from "./feed_camera.ts";
export { closeOutdated } from "./outdated.ts";
export {
  CLOSE,
  LiveSession,
  type LiveSocket,
  type ServerInfo,
  type WatchOptions,
} from "./session.ts";
