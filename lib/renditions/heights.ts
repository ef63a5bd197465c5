/**
 * The sizes that every engine can make, in eighths of a picture's width and height: a JPEG decoder
 * gets them by leaving out coefficients.
 */
export const EIGHTHS: readonly number[] = [1, 2, 3, 4];

/** Returns the heights that can be made of pictures of this height, ascending; the last is the height. */
export function heightsOf(height: number, eighths = EIGHTHS): number[] {
  const smaller = eighths.map((eighth) => Math.ceil(height * eighth / 8));
  return [...new Set([...smaller, height])];
}

/** Returns the smallest height that is at least `wanted`, or else the largest. @param heights Ascending. */
export function nominalHeight(heights: readonly number[], wanted: number): number {
  return heights.find((height) => height >= wanted) ?? heights.at(-1)!;
}
