import type { Baseline } from "./baseline.ts";
import { encodeBlock, type EncodedBlock, type EncodedMcu } from "./encoded_mcu.ts";
import { forwardDct, multipliersOf } from "./forward_dct.ts";
import type { PictureHeader } from "./header_reader.ts";
import { encoderOf } from "./huffman.ts";
import { maskedMcus } from "./masked_mcus.ts";
import { LACKS_SYMBOL, type Patches, type Run } from "./patcher.ts";
import type { Rectangle } from "./rectangle.ts";
import type { Overlay, Refused } from "./task.ts";
import { drawText, GROUND, LETTER, type TextPicture } from "./text_picture.ts";

/** What a picture gets. */
export interface Contents {
  readonly mask: readonly Rectangle[];
  readonly text: { readonly line: string; readonly place: Overlay["place"] } | undefined;
}

/**
 * Makes the patches for pictures with a certain header: grey for the mask, and a text. Where both are,
 * the letters are on grey.
 */
export function makePatches(
  header: PictureHeader,
  { mask, text }: Contents,
): Patches | typeof LACKS_SYMBOL {
  const { baseline } = header;
  const { mcusX, mcusY } = baseline;
  const cells: (EncodedMcu | undefined)[] = Array(mcusX * mcusY).fill(undefined);
  const encoder = new McuEncoder(baseline);
  const grey = encoder.encode(() => undefined);
  if ("refused" in grey) return LACKS_SYMBOL;
  for (const { left, top, right, bottom } of maskedMcus(baseline, mask)) {
    for (let y = top; y < bottom; y++) cells.fill(grey, y * mcusX + left, y * mcusX + right);
  }
  const picture = text && drawText(baseline, text.line, text.place);
  if (picture) {
    const { left, top, right, bottom } = picture.area;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const ground = cells[y * mcusX + x] ? 0 : GROUND;
        const mcu = encoder.encode(
          (block) => lettersIn(picture, { x, y, block, baseline }),
          ground,
        );
        if ("refused" in mcu) return LACKS_SYMBOL;
        cells[y * mcusX + x] = mcu;
      }
    }
  }
  return { header, runs: runsOf(cells), isStrict: mask.length > 0 };
}

/** Returns the dots of a block of the luminance; undefined if it has none. */
function lettersIn(
  { area, stride, dots }: TextPicture,
  { x, y, block, baseline }: { x: number; y: number; block: number; baseline: Baseline },
): Uint8Array | undefined {
  const { h, v } = baseline.components[0]!;
  const column = (x - area.left) * h + block % h;
  const row = (y - area.top) * v + Math.floor(block / h);
  const found = new Uint8Array(64);
  for (let line = 0; line < 8; line++) {
    const start = (row * 8 + line) * stride + column * 8;
    found.set(dots.subarray(start, start + 8), line * 8);
  }
  return found.includes(1) ? found : undefined;
}

/** Encodes MCUs with the tables of a picture. */
class McuEncoder {
  readonly #header: Baseline;
  /** Those for the luminance. */
  readonly #multipliers: Float64Array;

  constructor(header: Baseline) {
    this.#header = header;
    this.#multipliers = multipliersOf(header.quantization[header.components[0]!.tq]!);
  }

  /**
   * @param dots Returns the dots of a block of the luminance.
   * @param ground Level of the luminance without dots; the colours are always grey.
   */
  encode(
    dots: (block: number) => Uint8Array | undefined,
    ground = 0,
  ): EncodedMcu | Refused {
    const { components, quantization, huffman } = this.#header;
    const mcu: EncodedBlock[] = [];
    for (const [index, { h, v, tq, ta }] of components.entries()) {
      const [step] = quantization[tq]!, encoder = encoderOf(huffman.get(0x10 | ta)!);
      for (let block = 0; block < h * v; block++) {
        const encoded = encodeBlock(
          index > 0 ? flat(0) : this.#letters(dots(block), ground) ?? flat(ground * 8 / step!),
          encoder,
        );
        if (!encoded) return LACKS_SYMBOL;
        mcu.push(encoded);
      }
    }
    return mcu;
  }

  /** Returns the coefficients of a block with letters; undefined without dots. */
  #letters(dots: Uint8Array | undefined, ground: number): Int32Array | undefined {
    if (!dots) return undefined;
    const samples = Uint8ClampedArray.from(dots, (dot) => 128 + (dot ? LETTER : ground));
    const block = new Int32Array(64);
    forwardDct(samples, 0, 8, this.#multipliers, block);
    return block;
  }
}

/** Returns the coefficients of a block of one level. */
function flat(dc: number): Int32Array {
  const block = new Int32Array(64);
  block[0] = Math.round(dc);
  return block;
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
