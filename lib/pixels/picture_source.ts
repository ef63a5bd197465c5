import type { Baseline } from "./baseline.ts";
import type { EntropyData } from "./entropy_data.ts";

/** A picture whose blocks can be read. */
export interface PictureSource {
  readonly baseline: Baseline;
  readonly data: EntropyData;
}

/**
 * Calls `read` for each MCU, row by row, for as long as there are data.
 *
 * @param predictions The DC coefficients of the last blocks by component: 0 at a restart marker.
 * @param read Reads an MCU from its first bit on, and returns the place of the bit behind it.
 * @returns The number of MCUs that were read: not all if the picture is cut or damaged.
 */
export function readMcus(
  { baseline: { mcusX, mcusY, restart }, data }: PictureSource,
  predictions: Int32Array,
  read: (position: number, x: number, y: number) => number,
): number {
  const end = data.length * 8;
  let position = 0, untilRestart = restart, restarts = 0;
  for (let y = 0, mcu = 0; y < mcusY; y++) {
    for (let x = 0; x < mcusX; x++, mcu++) {
      if (restart > 0 && untilRestart-- === 0) {
        untilRestart = restart - 1;
        predictions.fill(0);
        position = (data.restarts[restarts++] ?? data.length) * 8;
      }
      if (position >= end) return mcu;
      position = read(position, x, y);
    }
  }
  return mcusX * mcusY;
}
