import type { Jpeg } from "../frame.ts";
import { BLOCK_PLACES, type BlockFormat, FLAT, LAST, readBlock } from "./block_reader.ts";
import { BLOCK_CODES, BlockWriter } from "./block_writer.ts";
import type { PictureFormat } from "./picture_format.ts";
import { type PictureSource, readMcus } from "./picture_source.ts";
import { acTablesOf, dcTablesOf } from "./value_tables.ts";

/** Limit of a DC coefficient of a baseline JPEG. */
const MAX_DC = 1_023;

/** Half a step: a little less, so that a coefficient halfway becomes the smaller one of both. */
const HALF = 0.5 - 1e-6;

/** Makes pictures of the same size with larger quantization steps. Decodes no picture. */
export class Requantizer {
  readonly #block = new Int32Array(BLOCK_PLACES);
  readonly #writer = new BlockWriter();

  /** Makes a picture. `format` has the size of the source. */
  render(source: PictureSource, format: PictureFormat): Jpeg {
    const { baseline: { components }, data: { view } } = source;
    const block = this.#block, writer = this.#writer;
    const formats = formatsOf(source), factors = factorsOf(source, format);
    const predictions = new Int32Array(components.length);
    const written = new Int32Array(components.length);
    writer.start(format.header);
    const read = readMcus(source, predictions, (position) => {
      let at = position;
      for (let i = 0; i < components.length; i++) {
        const blocks = components[i]!.h * components[i]!.v;
        for (let b = 0; b < blocks; b++) {
          at = readBlock(view, at, formats[i]!, block);
          predictions[i]! += block[0]!;
          const last = requantize(block, factors[i]!);
          const dc = scaled(predictions[i]!, factors[i]![0]!);
          const limited = Math.max(-MAX_DC - 1, Math.min(dc, MAX_DC));
          block[0] = limited - written[i]!;
          written[i] = limited;
          writer.write(block, last, BLOCK_CODES[i === 0 ? 0 : 1]);
          for (let k = 1; k <= last; k++) block[k] = 0; // `fill` takes longer
        }
      }
      return at;
    });
    this.#repeat(format, read);
    return writer.finish();
  }

  /** Writes MCUs of the last colour from number `first` on: they are not in the data. */
  #repeat({ components, mcusX, mcusY }: PictureFormat, first: number): void {
    for (let mcu = first; mcu < mcusX * mcusY; mcu++) {
      components.forEach(({ h, v }, i) => {
        for (let b = 0; b < h * v; b++) this.#writer.write(EMPTY, 0, BLOCK_CODES[i === 0 ? 0 : 1]);
      });
    }
  }
}

const EMPTY = new Int32Array(64);

/** Changes AC coefficients. @returns The place of the last one that is not 0. */
function requantize(block: Int32Array, factors: Float64Array): number {
  const end = block[LAST]!;
  let last = 0;
  for (let k = 1; k <= end; k++) {
    const value = block[k]!;
    if (value === 0) continue;
    const changed = scaled(value, factors[k]!);
    block[k] = changed;
    if (changed !== 0) last = k;
  }
  return end === FLAT ? 0 : last;
}

function scaled(value: number, factor: number): number {
  const product = value * factor;
  return product < 0 ? -(HALF - product | 0) : product + HALF | 0;
}

const ORDER = Uint8Array.from({ length: 64 }, (_, k) => k);
const ONES = new Int32Array(64).fill(1);

function formatsOf({ baseline: { components, huffman } }: PictureSource): BlockFormat[] {
  return components.map(({ td, ta }) => ({
    dc: dcTablesOf(huffman.get(td)!),
    ac: acTablesOf(huffman.get(0x10 | ta)!),
    last: 63,
    places: ORDER,
    factors: ONES,
  }));
}

/** Returns what the coefficients of each component are multiplied with, in zigzag order. */
function factorsOf({ baseline }: PictureSource, { quantization }: PictureFormat): Float64Array[] {
  return baseline.components.map(({ tq }, i) =>
    Float64Array.from(baseline.quantization[tq]!, (step, k) => step / quantization[i]![k]!)
  );
}
