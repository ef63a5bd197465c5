import type { Size } from "../jpeg/segments.ts";

/** The sizes that blocks can be decoded in, in eighths of their own, by leaving out coefficients. */
export type Eighths = 1 | 2 | 3 | 4;

/** All {@link Eighths}, ascending. */
export const EIGHTHS: readonly Eighths[] = [1, 2, 3, 4];

/** Returns the size of a picture that is `eighths`/8 as large. */
export function scaledSize({ width, height }: Size, eighths: number): Size {
  return { width: Math.ceil(width * eighths / 8), height: Math.ceil(height * eighths / 8) };
}
