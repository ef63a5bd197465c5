import { HEADROOM, markHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { type HuffmanTable, STANDARD_TABLES } from "../jpeg/tables.ts";
import type { Baseline, Component } from "./baseline.ts";
import { BitWords } from "./bit_words.ts";
import { type Encoder, makeEncoder } from "./huffman.ts";
import { type Axes, axesOf, isUpright, type Orientation } from "./orientation.ts";
import type { Refused } from "./task.ts";
import { sizeOf, TurnedBlocks } from "./turned_blocks.ts";
import { turnedHeader } from "./turned_header.ts";

/** Maximum number of bits of a DC coefficient: its code and its value. */
const MAX_DC_BITS = 16 + 11;
const DAMAGED: Refused = { refused: "damaged JPEG" };

/**
 * Turns pictures without loss: their coefficients are moved and negated, not computed anew.
 *
 * What jpegtran calls trimming applies: MCUs are moved as a whole. Where an axis is reversed, the
 * part of an MCU at the right or lower edge would be at the other edge, and is cut off instead: at
 * most 15 pixels (31 with the rare 4:1:1), and none of a picture of 1280x720 or 1920x1080 in 4:2:2,
 * 8 of one of 1920x1080 in 4:2:0.
 */
export class Turner {
  readonly #blocks = new TurnedBlocks();
  readonly #bits = new BitWords();

  /**
   * Turns a picture. The result has no metadata but the JFIF and Adobe segments, which decoders
   * need, and no restart markers.
   *
   * @param baseline The header of `jpeg`.
   * @returns The same object if the orientation is upright.
   */
  turn(jpeg: Jpeg, baseline: Baseline, orientation: Orientation): Jpeg | Refused {
    if (isUpright(orientation)) return jpeg;
    const axes = axesOf(orientation);
    const grid = gridOf(baseline, axes);
    if (grid.columns === 0 || grid.rows === 0) {
      const { width, height } = baseline;
      return { refused: `JPEG of ${width}x${height} pixels, which is too small to be turned` };
    }
    const tables = outputTables(baseline, axes);
    const encoders = new Map([...tables].map(([id, table]) => [id, makeEncoder(table)]));
    const acEncoders = axes.transposes
      ? baseline.components.map(({ ta }) => encoders.get(0x10 | ta)!)
      : [];
    if (!this.#blocks.read(jpeg, baseline, axes, acEncoders)) return DAMAGED;
    const dcEncoders = baseline.components.map(({ td }) => encoders.get(td)!);
    if (!this.#write(baseline, axes, grid, dcEncoders)) return DAMAGED;
    const header = turnedHeader(jpeg, baseline, { axes, size: grid, tables: [...tables.values()] });
    return this.#join(header);
  }

  /** Writes the blocks in their new order, with their DC coefficients as differences. */
  #write(
    { components, mcusX, mcusY }: Baseline,
    axes: Axes,
    { columns, rows }: Grid,
    dcEncoders: readonly Encoder[],
  ): boolean {
    const { bits: source, starts, dc } = this.#blocks, bits = this.#bits;
    const order = blockOrder(components, axes);
    const predictions = new Int32Array(components.length);
    const trimmedX = axes.transposes ? rows : columns, trimmedY = axes.transposes ? columns : rows;
    bits.clear();
    bits.reserve(source.length + mcusX * mcusY * order.length * MAX_DC_BITS + 8);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const column = axes.transposes ? y : x, row = axes.transposes ? x : y;
        const mcu = (axes.reversesY ? trimmedY - 1 - row : row) * mcusX +
          (axes.reversesX ? trimmedX - 1 - column : column);
        for (let i = 0; i < order.length; i++) {
          const { component, offset } = order[i]!;
          const block = mcu * order.length + offset;
          const difference = dc[block]! - predictions[component]!;
          predictions[component] = dc[block]!;
          const size = sizeOf(difference), { codes, lengths } = dcEncoders[component]!;
          if (size > 11) return false;
          const value = difference < 0 ? difference + (1 << size) - 1 : difference;
          bits.append(codes[size]! << size | value, lengths[size]! + size);
          bits.appendFrom(source, starts[block]!, starts[block + 1]!);
        }
      }
    }
    bits.align();
    return true;
  }

  #join(header: Uint8Array): Jpeg {
    const bits = this.#bits;
    this.#scratch = grown(this.#scratch, bits.length / 4 + 8);
    const scratch = this.#scratch;
    const length = bits.stuff(scratch, 0);
    const size = header.length + length + 2;
    const jpeg = new Uint8Array(new ArrayBuffer(HEADROOM + size + HEADROOM), HEADROOM, size);
    jpeg.set(header);
    jpeg.set(scratch.subarray(0, length), header.length);
    jpeg.set([0xff, 0xd9], size - 2);
    return markHeadroom(jpeg);
  }

  #scratch: Uint8Array<ArrayBuffer> = new Uint8Array(0);
}

function grown(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  return bytes.length >= size ? bytes : new Uint8Array(2 * size);
}

/** A turned picture's size in pixels, and its numbers of MCUs. */
interface Grid {
  readonly width: number;
  readonly height: number;
  readonly columns: number;
  readonly rows: number;
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

/** For each block of a turned MCU: its component, and its index in the original MCU. */
function blockOrder(
  components: readonly Component[],
  { reversesX, reversesY, transposes }: Axes,
): { component: number; offset: number }[] {
  let first = 0;
  return components.flatMap(({ h, v }, component) => {
    const start = first;
    first += h * v;
    return Array.from({ length: h * v }, (_, i) => {
      const column = transposes ? Math.floor(i / v) : i % h;
      const row = transposes ? i % v : Math.floor(i / h);
      const x = reversesX ? h - 1 - column : column, y = reversesY ? v - 1 - row : row;
      return { component, offset: start + y * h + x };
    });
  });
}

/**
 * Returns the Huffman tables of a turned picture, by their `id`. Those of the original remain if
 * they have all symbols that may be needed.
 */
function outputTables(baseline: Baseline, { transposes }: Axes): Map<number, HuffmanTable> {
  const used = baseline.components.flatMap(({ td, ta }) => [td, 0x10 | ta]);
  return new Map(
    [...new Set(used)].map((id) => {
      const own = baseline.huffman.get(id)!;
      const standard = STANDARD_TABLES[(id >> 4) * 2 + Math.min(1, id & 15)]!;
      // Reversed axes change no symbol of the AC coefficients.
      const isFit = id >= 0x10 && !transposes ||
        standard.values.every((s) => own.values.includes(s));
      return [id, isFit ? own : { ...standard, id }];
    }),
  );
}
