/**
 * Renditions: a camera's pictures in another size or quality, or with a text. Each is computed once
 * for all its viewers, in another thread, and only while it has viewers.
 *
 * @module
 */
import type { Camera } from "../camera/camera.ts";
import type { CameraFeed } from "../camera/camera_feed.ts";
import type { Jpeg } from "../frame.ts";
import type { Processed } from "../pixels/task.ts";
import type { Wanted } from "./wanted.ts";

export { RenditionError } from "./rendition_error.ts";
export { type Wanted, wantsOwn } from "./wanted.ts";

/** The renditions of all cameras, as routes and sessions see them. */
export interface Renditions extends AsyncDisposable {
  /**
   * Returns the feed for a client: a rendition, or the camera itself if its own pictures are what the
   * client wants. If the camera's size is not known yet, waits for its first frame. The feed costs
   * nothing until it is joined.
   *
   * @throws {CameraError} If the camera delivers no frame in time.
   * @throws {RenditionError} If there are too many renditions of the camera, or none can be made.
   */
  feedOf(camera: Camera, wanted: Wanted): Promise<CameraFeed>;
  /** Returns the heights that can be requested, ascending; the last one is the camera's own height. */
  heightsOf(camera: Camera): readonly number[];
  /**
   * Renders one picture, such as a recorded one.
   *
   * @param capturedAt Milliseconds since the Unix epoch, for the overlay.
   * @throws {RenditionError} If it cannot be made.
   */
  render(camera: string, jpeg: Jpeg, capturedAt: number, wanted: Wanted): Promise<Processed>;
}
