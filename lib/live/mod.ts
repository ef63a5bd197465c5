/**
 * The live player's side of the server: frames over a WebSocket, each sent when the one before has been
 * painted. So a client is never behind by more than one frame's way, on a link of any speed.
 *
 * @module
 */
export { FRAME_HEADER, frameMessage } from "./message.ts";
export { CLOSE, LiveSession, type LiveSocket } from "./session.ts";
