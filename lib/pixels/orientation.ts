/** How a picture is turned: rotated clockwise, then mirrored left to right. */
export interface Orientation {
  readonly rotation: Rotation;
  readonly mirrored: boolean;
}

/** A clockwise rotation, in degrees. */
export type Rotation = 0 | 90 | 180 | 270;

/** The values of `FLIP`. */
export type Flip = "horizontal" | "vertical" | "both";

/** The picture as it is. */
export const UPRIGHT: Orientation = { rotation: 0, mirrored: false };

/** Returns the orientation that `ROTATE` and `FLIP` describe: rotated, then flipped as people see it. */
export function orientationOf(rotate: Rotation, flip: Flip | undefined): Orientation {
  const half = flip === "vertical" || flip === "both" ? 180 : 0;
  const mirrored = flip === "horizontal" || flip === "vertical";
  return { rotation: rotated(rotate, half), mirrored };
}

/** Returns the orientation of a picture that is turned by `first`, then by `second`. */
export function combine(first: Orientation, second: Orientation): Orientation {
  // A rotation behind a mirror is the opposite rotation before it.
  const rotation = first.mirrored ? 360 - second.rotation : second.rotation;
  return {
    rotation: rotated(first.rotation, rotation),
    mirrored: first.mirrored !== second.mirrored,
  };
}

/** Returns the orientation that undoes another one. */
export function invert({ rotation, mirrored }: Orientation): Orientation {
  return { rotation: mirrored ? rotation : rotated(0, 360 - rotation), mirrored };
}

/** Whether a picture is left as it is. */
export function isUpright({ rotation, mirrored }: Orientation): boolean {
  return rotation === 0 && !mirrored;
}

/** An orientation as what happens to the two axes: they are reversed, then exchanged. */
export interface Axes {
  /** Whether the columns of the original are in reverse order. */
  readonly reversesX: boolean;
  /** Whether the rows of the original are in reverse order. */
  readonly reversesY: boolean;
  /** Whether the columns of the original become rows. */
  readonly transposes: boolean;
}

/** Returns what an orientation does to the axes of a picture. */
export function axesOf({ rotation, mirrored }: Orientation): Axes {
  const transposes = rotation === 90 || rotation === 270;
  const isMirrored = transposes ? false : mirrored;
  return {
    reversesX: (rotation === 180 || rotation === 270) !== isMirrored,
    reversesY: (rotation === 90 || rotation === 180) !== (transposes && mirrored),
    transposes,
  };
}

function rotated(rotation: Rotation, by: number): Rotation {
  return (rotation + by) % 360 as Rotation;
}
