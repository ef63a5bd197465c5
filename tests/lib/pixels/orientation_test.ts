import { assertEquals } from "@std/assert";
import {
  axesOf,
  combine,
  type Flip,
  invert,
  isUpright,
  type Orientation,
  orientationOf,
  type Rotation,
  UPRIGHT,
} from "../../../lib/pixels/orientation.ts";

type Picture = readonly (readonly number[])[];

const PICTURE: Picture = [[1, 2, 3], [4, 5, 6]];
const ROTATIONS: readonly Rotation[] = [0, 90, 180, 270];
const ORIENTATIONS = ROTATIONS.flatMap((rotation) =>
  [false, true].map((mirrored): Orientation => ({ rotation, mirrored }))
);

Deno.test("orientationOf() is ROTATE, then FLIP as people see the picture", () => {
  assertEquals(turn(PICTURE, orientationOf(90, undefined)), [[4, 1], [5, 2], [6, 3]]);
  const flips: Record<Flip, (picture: Picture) => Picture> = {
    horizontal: mirror,
    vertical: (picture) => picture.toReversed(),
    both: (picture) => mirror(picture).toReversed(),
  };
  for (const rotation of ROTATIONS) {
    const rotated = turn(PICTURE, { rotation, mirrored: false });
    for (const [flip, flipped] of Object.entries(flips)) {
      assertEquals(turn(PICTURE, orientationOf(rotation, flip as Flip)), flipped(rotated));
    }
  }
});

Deno.test("combine() is one orientation after another, for all of them", () => {
  for (const first of ORIENTATIONS) {
    for (const second of ORIENTATIONS) {
      assertEquals(turn(PICTURE, combine(first, second)), turn(turn(PICTURE, first), second));
    }
  }
});

Deno.test("invert() undoes an orientation, before or after it", () => {
  for (const orientation of ORIENTATIONS) {
    assertEquals(combine(orientation, invert(orientation)), UPRIGHT);
    assertEquals(combine(invert(orientation), orientation), UPRIGHT);
    assertEquals(isUpright(orientation), turn(PICTURE, orientation) === PICTURE);
  }
});

Deno.test("axesOf() reverses axes, then exchanges them, as the orientation says", () => {
  for (const orientation of ORIENTATIONS) {
    const { reversesX, reversesY, transposes } = axesOf(orientation);
    let picture = reversesX ? mirror(PICTURE) : PICTURE;
    if (reversesY) picture = picture.toReversed();
    if (transposes) picture = transpose(picture);
    assertEquals(picture, turn(PICTURE, orientation));
  }
});

/** Turns a picture as an {@link Orientation} is defined: quarter turns, then left to right. */
function turn(picture: Picture, { rotation, mirrored }: Orientation): Picture {
  let turned = picture;
  for (let angle = 0; angle < rotation; angle += 90) turned = transpose(turned.toReversed());
  return mirrored ? mirror(turned) : turned;
}

function mirror(picture: Picture): Picture {
  return picture.map((row) => row.toReversed());
}

function transpose(picture: Picture): Picture {
  return picture[0]!.map((_, x) => picture.map((row) => row[x]!));
}
