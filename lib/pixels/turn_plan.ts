import type { Bytes } from "../bytes.ts";
import type { Size } from "../jpeg/segments.ts";
import { type HuffmanTable, STANDARD_TABLES } from "../jpeg/tables.ts";
import type { Baseline, Component } from "./baseline.ts";
import { encodeHeader } from "./header.ts";
import type { PictureHeader } from "./header_reader.ts";
import { type Encoder, encoderOf } from "./huffman.ts";
import { type Axes, axesOf, type Orientation } from "./orientation.ts";
import type { Refused } from "./task.ts";
import { ZIGZAG } from "./zigzag.ts";

/** The place of each coefficient in a transposed block; both in zigzag order. */
export const TRANSPOSED: Uint8Array = ZIGZAG.map((place) =>
  ZIGZAG.indexOf((place & 7) << 3 | place >> 3)
);

/** How the pictures with one header are turned. */
export interface TurnPlan {
  readonly header: PictureHeader;
  readonly orientation: Orientation;
  readonly axes: Axes;
  readonly grid: Grid;
  /** The block of the turned MCU that each block becomes, in the order of the turned MCU. */
  readonly blocks: readonly TurnedBlock[];
  /** Encoders of the turned picture, by component. */
  readonly dcEncoders: readonly Encoder[];
  readonly acEncoders: readonly Encoder[];
  /** The header of the turned picture: from SOI to the end of SOS. */
  readonly encoded: Bytes;
}

/** A turned picture's size in pixels, and its numbers of MCUs. */
export interface Grid extends Size {
  readonly columns: number;
  readonly rows: number;
}

/** A block of a turned MCU. */
export interface TurnedBlock {
  /** Index of its component. */
  readonly component: number;
  /** Its index in the original MCU. */
  readonly index: number;
}

/**
 * Plans how pictures are turned. Refuses those with no whole MCU on an axis that is reversed.
 *
 * @param fitted Huffman tables that fit the turned pictures, by their `id`: used for AC coefficients
 * if the axes are exchanged.
 */
export function planTurn(
  header: PictureHeader,
  orientation: Orientation,
  fitted: ReadonlyMap<number, HuffmanTable>,
): TurnPlan | Refused {
  const { baseline } = header, { components } = baseline;
  const axes = axesOf(orientation);
  const grid = gridOf(baseline, axes);
  if (grid.columns === 0 || grid.rows === 0) {
    const { width, height } = baseline;
    return { refused: `JPEG of ${width}x${height} pixels, which is too small to be turned` };
  }
  const huffman = outputTables(baseline, axes, fitted);
  return {
    ...{ header, orientation, axes, grid },
    blocks: turnedBlocks(components, axes),
    dcEncoders: components.map(({ td }) => encoderOf(huffman.get(td)!)),
    acEncoders: components.map(({ ta }) => encoderOf(huffman.get(0x10 | ta)!)),
    encoded: encodeHeader({
      ...{ width: grid.width, height: grid.height, huffman, restart: 0 },
      components: components.map((one) => axes.transposes ? { ...one, h: one.v, v: one.h } : one),
      quantization: baseline.quantization.map((table) =>
        axes.transposes ? table?.map((_, k) => table[TRANSPOSED[k]!]!) : table
      ),
    }, turnedApplication(header.application, axes)),
  };
}

function gridOf(baseline: Baseline, { reversesX, reversesY, transposes }: Axes): Grid {
  const { mcuWidth, mcuHeight } = baseline;
  const columns = reversesX ? Math.floor(baseline.width / mcuWidth) : baseline.mcusX;
  const rows = reversesY ? Math.floor(baseline.height / mcuHeight) : baseline.mcusY;
  const width = reversesX ? columns * mcuWidth : baseline.width;
  const height = reversesY ? rows * mcuHeight : baseline.height;
  return transposes
    ? { width: height, height: width, columns: rows, rows: columns }
    : { width, height, columns, rows };
}

function turnedBlocks(
  components: readonly Component[],
  { reversesX, reversesY, transposes }: Axes,
): TurnedBlock[] {
  let first = 0;
  return components.flatMap(({ h, v }, component) => {
    const start = first;
    first += h * v;
    return Array.from({ length: h * v }, (_, i) => {
      const column = transposes ? Math.floor(i / v) : i % h;
      const row = transposes ? i % v : Math.floor(i / h);
      const x = reversesX ? h - 1 - column : column, y = reversesY ? v - 1 - row : row;
      return { component, index: start + y * h + x };
    });
  });
}

/**
 * Returns the Huffman tables of a turned picture, by their `id`. Those of the original remain if
 * they have all symbols that may be needed.
 */
function outputTables(
  baseline: Baseline,
  { transposes }: Axes,
  fitted: ReadonlyMap<number, HuffmanTable>,
): Map<number, HuffmanTable> {
  const used = baseline.components.flatMap(({ td, ta }) => [td, 0x10 | ta]);
  return new Map(used.map((id) => {
    if (transposes && fitted.has(id)) return [id, fitted.get(id)!];
    const own = baseline.huffman.get(id)!;
    const standard = STANDARD_TABLES[(id >> 4) * 2 + Math.min(1, id & 15)]!;
    // Reversed axes change no symbol of the AC coefficients.
    const isKept = id >= 0x10 && !transposes ||
      standard.values.every((symbol) => own.values.includes(symbol));
    return [id, isKept ? own : { ...standard, id }];
  }));
}

/** Exchanges the densities in a JFIF segment, which is the first one, if the axes are exchanged. */
function turnedApplication(application: Bytes, { transposes }: Axes): Bytes {
  if (!transposes || application[1] !== 0xe0) return application;
  const turned = application.slice();
  turned.set(application.subarray(14, 16), 12);
  turned.set(application.subarray(12, 14), 14);
  return turned;
}
