import { isUpright, type Orientation, UPRIGHT } from "../pixels/orientation.ts";
import type { Rectangle } from "../pixels/rectangle.ts";
import type { PictureSettings } from "../pixels/settings.ts";

/** What is changed in all pictures of a camera, before anybody sees them. */
export interface PictureEdit {
  /** The camera's name, for its text. */
  readonly camera: string;
  readonly picture: PictureSettings;
  /** How the driver turns the pictures itself. */
  readonly applied: Orientation | undefined;
}

/** Returns what is changed in a camera's pictures; undefined if its settings change nothing. */
export function pictureEdit(
  camera: string,
  picture: PictureSettings | undefined,
  applied: Orientation | undefined,
): PictureEdit | undefined {
  if (!picture) return undefined;
  const { rotate, flip, mask, overlay } = picture;
  const turns = rotate !== 0 || flip !== undefined || !isUpright(applied ?? UPRIGHT);
  return turns || mask || overlay ? { camera, picture, applied } : undefined;
}

/** Formats rectangles as the value of `PRIVACY_MASK`. */
export function formatMask(mask: readonly Rectangle[]): string {
  return mask.map(({ left, top, right, bottom }) => [left, top, right, bottom].join(",")).join(";");
}
