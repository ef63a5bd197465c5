import { allocateWithHeadroom, type Bytes } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { type HuffmanTable, STANDARD_TABLES } from "../jpeg/tables.ts";
import { BitWords } from "./bit_words.ts";
import { bitsOf, sizeOf } from "./coefficient.ts";
import { fittedTable } from "./fitted_table.ts";
import type { ReadHeader } from "./header_reader.ts";
import { isUpright, type Orientation } from "./orientation.ts";
import type { Refused } from "./task.ts";
import { planTurn, type TurnPlan } from "./turn_plan.ts";
import { TurnedBlocks } from "./turned_blocks.ts";

/** Maximum number of bits of a DC coefficient: its code and its value. */
const MAX_DC_BITS = 16 + 11;
/** All symbols that AC coefficients can have. */
const ALL_SYMBOLS = STANDARD_TABLES[2]!.values;
/** Number of pictures after which Huffman tables are fitted again. */
const FITTED_FOR = 300;
const DAMAGED: Refused = { refused: "damaged JPEG" };

/**
 * Turns pictures without loss: their coefficients are moved and negated, not computed anew. Its
 * memory is reused, so use one for each camera. Where axes are exchanged, the pictures after the
 * first one have Huffman tables that fit that camera's pictures.
 *
 * What jpegtran calls trimming applies: MCUs are moved as a whole. Where an axis is reversed, an
 * incomplete MCU at the right or lower edge would be at the other edge, and is cut off instead. In
 * 4:2:0 that is at most 15 pixels: 0 of 1280x720, 8 of 1920x1080.
 */
export class Turner {
  readonly #blocks = new TurnedBlocks();
  readonly #bits = new BitWords();
  #plan: TurnPlan | undefined;
  #bytes: Bytes = new Uint8Array(0);
  /** Number of pictures that may be turned before Huffman tables are fitted to them. */
  #untilFitted = 0;
  readonly #fitted = new Map<number, HuffmanTable>();

  /**
   * Turns a picture. The result has no metadata but the segments that decoders need, and no restart
   * markers.
   *
   * @param read The header of `jpeg`.
   * @returns The same object if the orientation is upright.
   */
  turn(jpeg: Jpeg, { header, data }: ReadHeader, orientation: Orientation): Jpeg | Refused {
    if (isUpright(orientation)) return jpeg;
    if (this.#plan?.header !== header || this.#plan.orientation !== orientation) {
      const plan = planTurn(header, orientation, this.#fitted);
      if ("refused" in plan) return plan;
      this.#plan = plan;
    }
    const isFitted = this.#plan.axes.transposes && this.#untilFitted-- <= 0;
    if (isFitted) { for (const counts of this.#blocks.counts) counts.fill(0); }
    const isValid = this.#blocks.read(jpeg, data, this.#plan) && this.#write(this.#plan);
    if (!isValid) return DAMAGED;
    const turned = this.#join(this.#plan.encoded);
    if (isFitted) this.#fit(this.#plan);
    return turned;
  }

  /** Makes Huffman tables for the next pictures, from how often this one had each symbol. */
  #fit({ header: { baseline } }: TurnPlan): void {
    for (const { ta } of baseline.components) {
      const counts = this.#blocks.counts[ta]!.slice();
      for (const symbol of ALL_SYMBOLS) counts[symbol]!++; // others may have those that it has not
      this.#fitted.set(0x10 | ta, fittedTable(0x10 | ta, counts));
    }
    this.#untilFitted = FITTED_FOR;
    this.#plan = undefined;
  }

  /** Writes the blocks in their new order. Returns false if a DC coefficient is invalid. */
  #write({ header: { baseline }, axes, grid, blocks, dcEncoders }: TurnPlan): boolean {
    const { bits: source, starts, dc } = this.#blocks, bits = this.#bits;
    const { reversesX, reversesY, transposes } = axes;
    const lastX = (transposes ? grid.rows : grid.columns) - 1;
    const lastY = (transposes ? grid.columns : grid.rows) - 1;
    const predictions = new Int32Array(dcEncoders.length);
    bits.clear();
    bits.reserve(source.length + grid.columns * grid.rows * blocks.length * MAX_DC_BITS);
    for (let i = 0; i < grid.rows; i++) {
      for (let j = 0; j < grid.columns; j++) {
        const x = transposes ? i : j, y = transposes ? j : i;
        const mcu = (reversesY ? lastY - y : y) * baseline.mcusX + (reversesX ? lastX - x : x);
        for (let b = 0; b < blocks.length; b++) {
          const { component, index } = blocks[b]!;
          const block = mcu * blocks.length + index;
          const difference = dc[block]! - predictions[component]!;
          predictions[component] = dc[block]!;
          const size = sizeOf(difference), { codes, lengths } = dcEncoders[component]!;
          if (size > 11) return false;
          bits.append(codes[size]! << size | bitsOf(difference, size), lengths[size]! + size);
          bits.appendFrom(source, starts[block]!, starts[block + 1]!);
        }
      }
    }
    bits.align();
    return true;
  }

  #join(header: Bytes): Jpeg {
    const maximum = this.#bits.length / 4 + 8;
    if (this.#bytes.length < maximum) this.#bytes = new Uint8Array(2 * maximum);
    const data = this.#bytes.subarray(0, this.#bits.stuff(this.#bytes, 0));
    const length = header.length + data.length + 2;
    const jpeg = allocateWithHeadroom(length);
    jpeg.set(header);
    jpeg.set(data, header.length);
    jpeg.set([0xff, 0xd9], length - 2);
    return jpeg;
  }
}
