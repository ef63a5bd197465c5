import type { Camera } from "../camera/camera.ts";

/** The part of a camera, or of a rendition of it, that a feed needs. */
export type FeedCamera = Pick<
  Camera,
  "name" | "latest" | "error" | "join" | "leave" | "retryNow" | "countDropped" | "countDelivered"
>;
