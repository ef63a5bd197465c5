import type { Jpeg } from "../frame.ts";
import type { Size } from "../jpeg/segments.ts";
import type { Orientation } from "./orientation.ts";
import type { Rectangle } from "./rectangle.ts";

/** A text in the picture. */
export interface Overlay {
  /** With `%name`, `%date` and `%time`. */
  readonly text: string;
  readonly place: "top" | "bottom";
  /** Name of the camera. */
  readonly camera: string;
}

/**
 * Edits all pictures of a camera, in this order: the picture is turned, masked, and gets a text. A
 * picture keeps its other coefficients bit for bit, and loses all metadata that can hold a picture.
 */
export interface EditTask {
  readonly type: "edit";
  readonly orientation: Orientation;
  readonly mask: readonly Rectangle[];
  readonly overlay: Overlay | undefined;
}

/** Makes another version of a picture. What is undefined stays as it is. */
export interface RenderTask {
  readonly type: "render";
  /** Minimum height in pixels: the smallest size that can be made and is at least so high. */
  readonly height: number | undefined;
  /** JPEG quality from 1 to 100 on libjpeg's scale; never better than the picture is. */
  readonly quality: number | undefined;
  readonly overlay: Overlay | undefined;
}

/** Work on pictures. It can be sent to a Worker. */
export type PictureTask = EditTask | RenderTask;

/** A picture that was processed. `jpeg` is the given object if nothing had to be changed. */
export interface Processed {
  readonly jpeg: Jpeg;
  readonly size: Size;
}

/** Why a picture cannot be processed, as in "progressive JPEG". An edited picture must not be shown then. */
export interface Refused {
  readonly refused: string;
}

/** Works on pictures one after another. Never throws, and takes at most 50 ms for any input. */
export interface PictureProcessor {
  /** @param capturedAt Milliseconds since the Unix epoch. */
  process(jpeg: Jpeg, capturedAt: number): Processed | Refused;
}

/** Works on pictures in another thread. One picture at a time: the caller awaits each result. */
export interface PictureWorker extends Disposable {
  /** @param capturedAt Milliseconds since the Unix epoch. */
  process(jpeg: Jpeg, capturedAt: number): Promise<Processed | Refused>;
}

/** Works on one picture in another thread. */
export type ProcessPicture = PictureWorker["process"];
