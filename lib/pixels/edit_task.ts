import {
  combine,
  invert,
  isUpright,
  type Orientation,
  orientationOf,
  UPRIGHT,
} from "./orientation.ts";
import type { PictureSettings } from "./settings.ts";
import type { EditTask } from "./task.ts";

/** Options of {@link editTask}. */
export interface EditTaskOptions {
  readonly picture: Omit<PictureSettings, "smallSource">;
  /** The camera's name. */
  readonly camera: string;
  /** How the camera's driver turns the pictures itself. @default {not at all} */
  readonly applied?: Orientation;
}

/** Returns what is to be done with each picture of a camera; undefined if there is nothing to do. */
export function editTask(
  { picture, camera, applied = UPRIGHT }: EditTaskOptions,
): EditTask | undefined {
  const { rotate, flip, mask = [], overlay: text, overlayPlace: place } = picture;
  const orientation = combine(invert(applied), orientationOf(rotate, flip));
  if (isUpright(orientation) && mask.length === 0 && text === undefined) return undefined;
  const overlay = text === undefined ? undefined : { text, place, camera };
  return { type: "edit", orientation, mask, overlay };
}
