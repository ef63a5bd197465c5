import { type Bytes, HEADROOM, markHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { BitWords } from "./bit_words.ts";
import type { ReadHeader } from "./header_reader.ts";
import { isUpright, type Orientation } from "./orientation.ts";
import type { Refused } from "./task.ts";
import { planTurn, type TurnPlan } from "./turn_plan.ts";
import { sizeOf, TurnedBlocks } from "./turned_blocks.ts";

/** Maximum number of bits of a DC coefficient: its code and its value. */
const MAX_DC_BITS = 16 + 11;
const DAMAGED: Refused = { refused: "damaged JPEG" };

/**
 * Turns pictures without loss: their coefficients are moved and negated, not computed anew. Its
 * memory is reused, so use one for each camera.
 *
 * What jpegtran calls trimming applies: MCUs are moved as a whole. Where an axis is reversed, an
 * incomplete MCU at the right or lower edge would be at the other edge, and is cut off instead. In
 * 4:2:0 that is at most 15 pixels: none of 1280x720, 8 of 1920x1080.
 */
export class Turner {
  readonly #blocks = new TurnedBlocks();
  readonly #bits = new BitWords();
  #plan: TurnPlan | undefined;
  #bytes: Bytes = new Uint8Array(0);

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
      const plan = planTurn(header, orientation);
      if ("refused" in plan) return plan;
      this.#plan = plan;
    }
    const isValid = this.#blocks.read(jpeg, data, this.#plan) && this.#write(this.#plan);
    return isValid ? this.#join(this.#plan.encoded) : DAMAGED;
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
          const value = difference < 0 ? difference + (1 << size) - 1 : difference;
          bits.append(codes[size]! << size | value, lengths[size]! + size);
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
    const jpeg = new Uint8Array(new ArrayBuffer(HEADROOM + length + HEADROOM), HEADROOM, length);
    jpeg.set(header);
    jpeg.set(data, header.length);
    jpeg.set([0xff, 0xd9], length - 2);
    return markHeadroom(jpeg);
  }
}
