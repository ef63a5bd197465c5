import type { Baseline } from "./baseline.ts";
import type { Rectangle } from "./rectangle.ts";

/** A rectangle of MCUs, by their columns and rows; `right` and `bottom` are not in it. */
export type McuRectangle = Rectangle;

/**
 * Returns the MCUs that a mask covers: all that have a pixel of it, and those whose colour decoders
 * mix with that of such a pixel, when they enlarge the smaller pictures of the colours.
 */
export function maskedMcus(header: Baseline, mask: readonly Rectangle[]): McuRectangle[] {
  const { width, height, mcuWidth, mcuHeight, mcusX, mcusY, components } = header;
  const reachX = Math.max(...components.map(({ h }) => reachOf(mcuWidth / 8 / h)));
  const reachY = Math.max(...components.map(({ v }) => reachOf(mcuHeight / 8 / v)));
  return mask.flatMap(({ left, top, right, bottom }) => {
    const rectangle = {
      left: clamp(Math.floor((Math.floor(width * left / 100) - reachX) / mcuWidth), mcusX),
      top: clamp(Math.floor((Math.floor(height * top / 100) - reachY) / mcuHeight), mcusY),
      right: clamp(Math.ceil((Math.ceil(width * right / 100) + reachX) / mcuWidth), mcusX),
      bottom: clamp(Math.ceil((Math.ceil(height * bottom / 100) + reachY) / mcuHeight), mcusY),
    };
    const isEmpty = rectangle.left >= rectangle.right || rectangle.top >= rectangle.bottom;
    return isEmpty ? [] : [rectangle];
  });
}

/** Number of pixels from which a decoder takes colour, if a sample of it is `factor` pixels wide. */
function reachOf(factor: number): number {
  return Math.floor(factor / 2);
}

function clamp(value: number, max: number): number {
  return Math.min(max, Math.max(0, value));
}
