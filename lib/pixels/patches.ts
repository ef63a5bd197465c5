import type { Baseline } from "./baseline.ts";
import {
  encodeBlock,
  type EncodedBlock,
  type EncodedMcu,
  encodeNearestBlock,
} from "./encoded_mcu.ts";
import type { PictureHeader } from "./header_reader.ts";
import { type Encoder, encoderOf } from "./huffman.ts";
import { maskedMcus } from "./masked_mcus.ts";
import { NearestSymbols } from "./nearest_symbols.ts";
import { LACKS_SYMBOL, type Patches, type Run } from "./patcher.ts";
import type { Rectangle } from "./rectangle.ts";
import { type Text, type TextBlock, TextBlockCache, type TextBlocks } from "./text_blocks.ts";

/** Makes the patches for pictures: grey for a mask, and a text. Where both are, letters are on grey. */
export class PatchMaker {
  readonly #mask: readonly Rectangle[];
  readonly #texts = new TextBlockCache();

  constructor(mask: readonly Rectangle[]) {
    this.#mask = mask;
  }

  /**
   * Makes the patches for pictures with a certain header. Mask and letters on it are as they must
   * be; other letters as near to that as the picture's Huffman tables allow.
   */
  make(header: PictureHeader, text: Text | undefined): Patches | typeof LACKS_SYMBOL {
    const { baseline } = header;
    const { mcusX, mcusY } = baseline;
    const cells: (EncodedMcu | undefined)[] = Array(mcusX * mcusY).fill(undefined);
    const encoder = new McuEncoder(baseline);
    if (this.#mask.length > 0 && !this.#addMask(cells, encoder)) return LACKS_SYMBOL;
    const isMasked = (x: number, y: number) => cells[y * mcusX + x] !== undefined;
    const blocks = text && this.#texts.get(baseline, text, isMasked);
    if (blocks && !addText(cells, blocks, encoder)) return LACKS_SYMBOL;
    return { header, runs: runsOf(cells), isStrict: this.#mask.length > 0 };
  }

  #addMask(cells: (EncodedMcu | undefined)[], encoder: McuEncoder): boolean {
    const { baseline } = encoder;
    const grey = encoder.grey();
    if (!grey) return false;
    for (const { left, top, right, bottom } of maskedMcus(baseline, this.#mask)) {
      for (let y = top; y < bottom; y++) {
        cells.fill(grey, y * baseline.mcusX + left, y * baseline.mcusX + right);
      }
    }
    return true;
  }
}

function addText(
  cells: (EncodedMcu | undefined)[],
  { picture: { area }, blocks }: TextBlocks,
  encoder: McuEncoder,
): boolean {
  const { mcusX, components } = encoder.baseline;
  const { h, v } = components[0]!;
  const width = (area.right - area.left) * h;
  for (let y = area.top; y < area.bottom; y++) {
    for (let x = area.left; x < area.right; x++) {
      const first = (y - area.top) * v * width + (x - area.left) * h;
      const luminance = Array.from(
        { length: h * v },
        (_, b) => blocks[first + Math.floor(b / h) * width + b % h]!,
      );
      const isExact = cells[y * mcusX + x] !== undefined;
      const mcu = encoder.encode(luminance, isExact);
      if (!mcu) return false;
      cells[y * mcusX + x] = mcu;
    }
  }
  return true;
}

/** Encodes MCUs with the tables of a picture. Returns undefined if these lack a symbol. */
class McuEncoder {
  readonly baseline: Baseline;
  readonly #luminance: Encoder;
  readonly #nearest: NearestSymbols;
  readonly #steps: Uint16Array;
  readonly #colours: readonly EncodedBlock[] | undefined;

  constructor(baseline: Baseline) {
    const { components, quantization, huffman } = baseline;
    this.baseline = baseline;
    this.#luminance = encoderOf(huffman.get(0x10 | components[0]!.ta)!);
    this.#nearest = new NearestSymbols(this.#luminance);
    this.#steps = quantization[components[0]!.tq]!;
    const colours = components.slice(1).flatMap(({ h, v, ta }) =>
      Array(h * v).fill(encodeBlock(GREY, encoderOf(huffman.get(0x10 | ta)!)))
    );
    this.#colours = colours.includes(undefined) ? undefined : colours;
  }

  grey(): EncodedMcu | undefined {
    const { h, v } = this.baseline.components[0]!;
    return this.encode(Array(h * v).fill(GREY), true);
  }

  /** @param luminance The blocks of the luminance; the colours are grey. */
  encode(luminance: readonly TextBlock[], isExact: boolean): EncodedMcu | undefined {
    if (!this.#colours) return undefined;
    const blocks = luminance.map((block) =>
      isExact
        ? encodeBlock(block, this.#luminance)
        : encodeNearestBlock(block, this.#luminance, this.#nearest, this.#steps)
    );
    if (blocks.includes(undefined)) return undefined;
    return { blocks: [...blocks as EncodedBlock[], ...this.#colours], isExact };
  }
}

const GREY: TextBlock = { dc: 0, ac: new Int16Array(0) };

function runsOf(cells: readonly (EncodedMcu | undefined)[]): Run[] {
  const runs: { start: number; mcus: EncodedMcu[] }[] = [];
  cells.forEach((mcu, index) => {
    if (!mcu) return;
    if (cells[index - 1]) runs.at(-1)!.mcus.push(mcu);
    else runs.push({ start: index, mcus: [mcu] });
  });
  return runs;
}
