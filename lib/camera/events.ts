import type { CameraError } from "../errors.ts";
import type { Size } from "../jpeg/segments.ts";

/** An event of one camera. The log uses the types as its phrases. */
export type CameraEvent =
  & {
    /** The camera's name. */
    readonly camera: string;
  }
  & (
    /** The capture is opened for the first subscriber. */
    | { readonly type: "camera starting"; readonly driver: string }
    /** The first frame has arrived. */
    | { readonly type: "camera started"; readonly size: Size }
    /** The first frame after a failure has arrived. */
    | { readonly type: "camera recovered"; readonly size: Size }
    /** Frames have this new size from now on. */
    | { readonly type: "camera size changed"; readonly size: Size }
    /** The driver yields more than `maxFps` frames per second; further ones are dropped. */
    | { readonly type: "camera frames dropped"; readonly maxFps: number }
    /** Pictures of this capture cannot be edited, for this reason. */
    | { readonly type: "camera pictures refused"; readonly reason: string; readonly hint: string }
    /**
     * The capture has failed; it is retried after `retryDelay` milliseconds, or on request if
     * permanent.
     */
    | { readonly type: "camera failed"; readonly error: CameraError; readonly retryDelay: number }
    /** The capture is closed: no subscriber needs the camera. */
    | { readonly type: "camera stopped" }
    /** A driver has discovered the camera: it is in the list from now on. */
    | { readonly type: "camera appeared"; readonly driver: string }
    /** A discovered camera has left the list. It may return. */
    | { readonly type: "camera disappeared"; readonly driver: string }
  );
