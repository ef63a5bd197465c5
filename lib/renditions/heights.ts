import type { Size } from "../jpeg/segments.ts";
import { scaledSize } from "../pixels/scaled_size.ts";

/**
 * Returns the heights that pictures can have, ascending. The last one is their own.
 *
 * @param eighths The sizes that can be made, in eighths of their own.
 */
export function heightsOf(size: Size, eighths: readonly number[]): number[] {
  const smaller = eighths.map((eighth) => scaledSize(size, eighth).height);
  return [...new Set([...smaller, size.height])];
}

/**
 * Returns the smallest height that is at least `wanted`, or else the largest.
 *
 * @param heights Ascending.
 */
export function nominalHeight(heights: readonly number[], wanted: number): number {
  return heights.find((height) => height >= wanted) ?? heights.at(-1)!;
}
