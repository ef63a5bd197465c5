import type { Camera } from "./camera.ts";

/**
 * The part of a camera that its viewers need: the pictures of the camera itself, or those of a
 * rendition of it, in another size or quality.
 */
export type CameraFeed = Pick<
  Camera,
  | "name"
  | "latest"
  | "error"
  | "retryAfter"
  | "retryNow"
  | "join"
  | "leave"
  | "ready"
  | "frame"
  | "countDropped"
  | "countDelivered"
  | "stats"
>;
