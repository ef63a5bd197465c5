import type { Jpeg } from "../frame.ts";
import {
  BLOCK_PLACES,
  type BlockFormat,
  FLAT,
  LAST,
  NOT_NEEDED,
  readBlock,
} from "./block_reader.ts";
import { BLOCK_CODES, BlockWriter } from "./block_writer.ts";
import { forwardDct, multipliersOf } from "./forward_dct.ts";
import { greyOf, INVERSES } from "./inverse_dct.ts";
import type { PictureFormat } from "./picture_format.ts";
import { type PictureSource, readMcus } from "./picture_source.ts";
import type { Eighths } from "./scaled_size.ts";
import { acTablesOf, dcTablesOf } from "./value_tables.ts";
import { ZIGZAG } from "./zigzag.ts";

/** A component of a picture: samples from 0 to 255, row by row. */
interface Plane {
  readonly stride: number;
  readonly rows: number;
  readonly samples: Uint8ClampedArray;
}

/**
 * Makes smaller pictures: decodes the lowest frequencies only, as libjpeg does with `scale`, and
 * encodes the samples. Each component is made smaller by itself.
 */
export class Scaler {
  readonly #planes: Plane[] = [];
  readonly #block = new Int32Array(BLOCK_PLACES);
  readonly #coefficients = new Int32Array(64);
  readonly #writer = new BlockWriter();

  /** Makes a picture that is `eighths`/8 as large. `format` has that size. */
  render(source: PictureSource, eighths: Eighths, format: PictureFormat): Jpeg {
    this.#prepare(source, eighths, format);
    const read = this.#decode(source, eighths);
    this.#blank(source, eighths, read);
    this.#extend(source, format);
    return this.#encode(format);
  }

  /** Provides planes for the blocks of both pictures. */
  #prepare({ baseline }: PictureSource, eighths: Eighths, format: PictureFormat): void {
    format.components.forEach(({ h, v }, i) => {
      const stride = h * Math.max(baseline.mcusX * eighths, format.mcusX * 8);
      const rows = v * Math.max(baseline.mcusY * eighths, format.mcusY * 8);
      const plane = this.#planes[i];
      if (plane?.stride === stride && plane.rows === rows) return;
      this.#planes[i] = { stride, rows, samples: new Uint8ClampedArray(stride * rows) };
    });
  }

  /** Decodes the MCUs. @returns The number of those that are in the data. */
  #decode(source: PictureSource, n: Eighths): number {
    const { view } = source.data;
    const block = this.#block, inverse = INVERSES[n]!;
    const blocks = mcuBlocks(source, n, this.#planes), count = blocks.length;
    const predictions = new Int32Array(source.baseline.components.length);
    return readMcus(source, predictions, (position, mcuX, mcuY) => {
      let at = position;
      for (let i = 0; i < count; i++) {
        const { component, format, step, samples, stride, first, mcuWidth, mcuStride } = blocks[i]!;
        at = readBlock(view, at, format, block);
        const coefficient = predictions[component]! + block[0]!;
        predictions[component] = coefficient;
        const dc = Math.imul(coefficient, step);
        const place = first + mcuX * mcuWidth + mcuY * mcuStride;
        if (block[LAST] === FLAT) {
          const grey = greyOf(dc);
          for (let row = place; row < place + n * stride; row += stride) {
            for (let column = 0; column < n; column++) samples[row + column] = grey;
          }
        } else {
          block[0] = dc;
          inverse(block, samples, place, stride);
        }
      }
      return at;
    });
  }

  /** Makes the MCUs from number `first` on grey: they are not in the data. */
  #blank({ baseline: { components, mcusX, mcusY } }: PictureSource, n: Eighths, first: number) {
    const row = Math.floor(first / mcusX), column = first % mcusX;
    components.forEach(({ h, v }, i) => {
      const { stride, samples } = this.#planes[i]!;
      for (let y = row * v * n; y < mcusY * v * n; y++) {
        const x = y < (row + 1) * v * n ? column * h * n : 0;
        samples.fill(128, y * stride + x, (y + 1) * stride);
      }
    });
  }

  /**
   * Repeats the last samples of the small picture in the rest of its MCUs. Nobody sees them, but they
   * change the samples beside them.
   */
  #extend({ baseline }: PictureSource, format: PictureFormat): void {
    format.components.forEach(({ h, v }, i) => {
      const { stride, samples } = this.#planes[i]!;
      const width = Math.ceil(format.width * h * 8 / baseline.mcuWidth);
      const height = Math.ceil(format.height * v * 8 / baseline.mcuHeight);
      const columns = format.mcusX * h * 8, rows = format.mcusY * v * 8;
      for (let y = 0; y < height && columns > width; y++) {
        const end = y * stride + width;
        samples.fill(samples[end - 1]!, end, end + columns - width);
      }
      const last = (height - 1) * stride;
      for (let y = height; y < rows; y++) samples.copyWithin(y * stride, last, last + columns);
    });
  }

  #encode({ components, quantization, header, mcusX, mcusY }: PictureFormat): Jpeg {
    const block = this.#coefficients, writer = this.#writer, planes = this.#planes;
    const multipliers = quantization.map(multipliersOf);
    const predictions = new Int32Array(components.length);
    writer.start(header);
    for (let mcuY = 0; mcuY < mcusY; mcuY++) {
      for (let mcuX = 0; mcuX < mcusX; mcuX++) {
        for (let i = 0; i < components.length; i++) {
          const { h, v } = components[i]!;
          const { stride, samples } = planes[i]!;
          const codes = BLOCK_CODES[i === 0 ? 0 : 1];
          for (let y = 0; y < v; y++) {
            for (let x = 0; x < h; x++) {
              const place = (mcuY * v + y) * 8 * stride + (mcuX * h + x) * 8;
              forwardDct(samples, place, stride, multipliers[i]!, block);
              const dc = block[0]!;
              block[0] = dc - predictions[i]!;
              predictions[i] = dc;
              writer.write(block, 63, codes);
            }
          }
        }
      }
    }
    return writer.finish();
  }
}

/** Which coefficients the transforms need, by size. */
const SELECTIONS = [0, 1, 2, 3, 4].map((n) => {
  const isNeeded = (at: number) => (at & 7) < n && at >> 3 < n;
  return {
    last: ZIGZAG.findLastIndex(isNeeded),
    places: Uint8Array.from(ZIGZAG, (at) => isNeeded(at) ? (at >> 3) * n + (at & 7) : NOT_NEEDED),
  };
});

/** A block of each MCU, and where its samples go. */
interface McuBlock {
  readonly component: number;
  readonly format: BlockFormat;
  /** Quantization step of the DC coefficient. */
  readonly step: number;
  readonly samples: Uint8ClampedArray;
  readonly stride: number;
  /** Place of its first sample in the first MCU. */
  readonly first: number;
  /** Distance to the same block of the MCU to the right, and of the one below. */
  readonly mcuWidth: number;
  readonly mcuStride: number;
}

/** Returns the blocks of an MCU in the order of the data. */
function mcuBlocks({ baseline }: PictureSource, n: Eighths, planes: readonly Plane[]): McuBlock[] {
  const { components, quantization, huffman } = baseline;
  return components.flatMap(({ h, v, tq, td, ta }, component) => {
    const { stride, samples } = planes[component]!;
    const factors = Int32Array.from(quantization[tq]!);
    const dc = dcTablesOf(huffman.get(td)!), ac = acTablesOf(huffman.get(0x10 | ta)!);
    const format = { dc, ac, factors, ...SELECTIONS[n]! };
    const shared = { component, format, step: factors[0]!, samples, stride };
    const mcu = { mcuWidth: h * n, mcuStride: v * n * stride };
    return Array.from({ length: h * v }, (_, i) => {
      const first = (Math.floor(i / h) * stride + i % h) * n;
      return { ...shared, ...mcu, first };
    });
  });
}
