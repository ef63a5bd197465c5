import type { HuffmanTable } from "../jpeg/tables.ts";
import type { Baseline } from "./baseline.ts";
import { encodeBlock, type EncodedBlock, type EncodedMcu } from "./encoded_mcu.ts";
import { extendTable } from "./extended_table.ts";
import { encodeHeader } from "./header.ts";
import type { PictureHeader } from "./header_reader.ts";
import { type Encoder, encoderOf } from "./huffman.ts";
import { maskedMcus } from "./masked_mcus.ts";
import { NearestSymbols } from "./nearest_symbols.ts";
import { LACKS_SYMBOL, type Patches, type Run } from "./patcher.ts";
import type { Rectangle } from "./rectangle.ts";
import { type Text, type TextBlock, TextBlockCache, type TextBlocks } from "./text_block_cache.ts";

/** Which part of the contrast letters need at least, and which part of their blocks may lack it. */
const MIN_CONTRAST = 0.3, MAX_ILLEGIBLE = 0.05;

/** The sizes of differences of DC coefficients, and the symbol that ends a block. */
const SIZES = [...Array(12).keys()], END_OF_BLOCK = 0;

/** Makes the patches for pictures: grey for a mask, and a text. Where both are, letters are on grey. */
export class PatchMaker {
  readonly #mask: readonly Rectangle[];
  readonly #texts = new TextBlockCache();

  constructor(mask: readonly Rectangle[]) {
    this.#mask = mask;
  }

  /**
   * Makes the patches for pictures with a certain header. Symbols that its Huffman tables lack are
   * added to them. If there is no room for all, letters become as similar as the others allow.
   */
  make(header: PictureHeader, text: Text | undefined): Patches | typeof LACKS_SYMBOL {
    const { baseline } = header;
    const { mcusX, mcusY, components } = baseline;
    const cells: (EncodedMcu | undefined)[] = Array(mcusX * mcusY).fill(undefined);
    const masked = maskedMcus(baseline, this.#mask);
    const isMasked = (x: number, y: number) =>
      masked.some(({ left, top, right, bottom }) =>
        x >= left && x < right && y >= top && y < bottom
      );
    const blocks = text && this.#texts.get(baseline, text, isMasked);
    const huffman = extendTables(baseline, blocks?.symbols ?? []);
    const acEncoders = components.map(({ ta }) => encoderOf(huffman.get(0x10 | ta)!));
    if (acEncoders.some(({ lengths }) => lengths[END_OF_BLOCK] === 0)) return LACKS_SYMBOL;
    const encoder = new BlockEncoder(baseline, acEncoders);
    const grey = encoder.grey();
    for (const { left, top, right, bottom } of masked) {
      for (let y = top; y < bottom; y++) cells.fill(grey, y * mcusX + left, y * mcusX + right);
    }
    if (blocks && !addText(cells, blocks, encoder)) return LACKS_SYMBOL;
    return {
      header,
      encoded: huffman === baseline.huffman
        ? header.encoded
        : encodeHeader({ ...baseline, huffman }, header.application),
      encoders: components.map(({ td }) => encoderOf(huffman.get(td)!)),
      runs: runsOf(cells),
      isStrict: this.#mask.length > 0,
    };
  }
}

/** Adds the symbols that are needed to tables. @returns The same object if they have them all. */
function extendTables(
  { components, huffman }: Baseline,
  symbols: readonly number[],
): ReadonlyMap<number, HuffmanTable> {
  const extended = new Map(huffman);
  const extend = (id: number, symbols: readonly number[]) =>
    extended.set(id, extendTable(extended.get(id)!, symbols));
  components.forEach(({ td, ta }, index) => {
    extend(td, SIZES);
    extend(0x10 | ta, [END_OF_BLOCK, ...index === 0 ? symbols : []]);
  });
  const isSame = [...extended].every(([id, table]) => huffman.get(id) === table);
  return isSame ? huffman : extended;
}

/** Adds the MCUs of a text. @returns False if it would not be legible. */
function addText(
  cells: (EncodedMcu | undefined)[],
  { picture: { area }, blocks }: TextBlocks,
  encoder: BlockEncoder,
): boolean {
  const { mcusX, components } = encoder.baseline;
  const { h, v } = components[0]!;
  const width = (area.right - area.left) * h;
  const encoded = blocks.map((block) => encoder.encode(block));
  for (let y = area.top; y < area.bottom; y++) {
    for (let x = area.left; x < area.right; x++) {
      const first = (y - area.top) * v * width + (x - area.left) * h;
      const mcu = Array.from(
        { length: h * v },
        (_, b) => encoded[first + Math.floor(b / h) * width + b % h]!,
      );
      mcu.push(...encoder.colours);
      cells[y * mcusX + x] = mcu;
    }
  }
  const letters = encoded.filter(({ contrast }) => contrast !== undefined);
  const illegible = letters.filter(({ contrast }) => contrast! < MIN_CONTRAST);
  return illegible.length <= letters.length * MAX_ILLEGIBLE;
}

/** Encodes blocks with the Huffman tables of a picture. */
class BlockEncoder {
  readonly baseline: Baseline;
  /** The blocks of the colours in an MCU: grey. */
  readonly colours: readonly EncodedBlock[];
  readonly #luminance: Encoder;
  readonly #nearest: NearestSymbols;
  readonly #steps: Uint16Array;

  /** @param encoders The tables for AC coefficients by component. They must have the end of a block. */
  constructor(baseline: Baseline, encoders: readonly Encoder[]) {
    const { components, quantization } = baseline;
    this.baseline = baseline;
    this.colours = components.slice(1).flatMap(({ h, v }, index) =>
      Array(h * v).fill(greyBlock(encoders[index + 1]!))
    );
    this.#luminance = encoders[0]!;
    this.#nearest = new NearestSymbols(this.#luminance);
    this.#steps = quantization[components[0]!.tq]!;
  }

  /** Encodes a grey MCU. */
  grey(): EncodedMcu {
    const { h, v } = this.baseline.components[0]!;
    return [...Array(h * v).fill(greyBlock(this.#luminance)), ...this.colours];
  }

  /** Encodes a block of the luminance. */
  encode(block: TextBlock): EncodedBlock {
    return encodeBlock(block, this.#luminance, this.#nearest, this.#steps);
  }
}

function greyBlock({ codes, lengths }: Encoder): EncodedBlock {
  return { dc: 0, ac: Int32Array.of(codes[END_OF_BLOCK]!, lengths[END_OF_BLOCK]!) };
}

function runsOf(cells: readonly (EncodedMcu | undefined)[]): Run[] {
  const runs: { start: number; mcus: EncodedMcu[] }[] = [];
  cells.forEach((mcu, index) => {
    if (!mcu) return;
    if (cells[index - 1]) runs.at(-1)!.mcus.push(mcu);
    else runs.push({ start: index, mcus: [mcu] });
  });
  return runs;
}
