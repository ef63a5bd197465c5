import type { Baseline } from "./baseline.ts";
import { sizeOf } from "./coefficient.ts";
import { forwardDct, multipliersOf } from "./forward_dct.ts";
import type { Overlay } from "./task.ts";
import { drawText, GROUND, LETTER, type TextPicture } from "./text_picture.ts";

/** A text to be written into pictures. */
export interface Text {
  readonly line: string;
  readonly place: Overlay["place"];
}

/** A block of the luminance of a text, quantized. */
export interface TextBlock {
  readonly dc: number;
  /** The AC coefficients but zeros, in zigzag order: place, value, place, value … */
  readonly ac: Int16Array;
}

/** A text as blocks. */
export interface TextBlocks {
  readonly picture: TextPicture;
  /** The blocks of the luminance, row by row of blocks. */
  readonly blocks: readonly TextBlock[];
  /** The symbols that the AC coefficients need, those for the greatest part of the picture first. */
  readonly symbols: readonly number[];
}

/** Number of quantization tables whose blocks are kept: encoders with a fixed bitrate use several. */
const MAX_KEPT = 8;

interface Kept extends TextBlocks {
  readonly header: Baseline;
  readonly line: string;
}

/**
 * Draws a text, and keeps its blocks for the next pictures: the Huffman tables may differ from one
 * picture to the next, but the quantization tables are a few. When the text changes, only blocks
 * that look different are made anew.
 */
export class TextBlockCache {
  /** The last ones first. */
  readonly #kept: Kept[] = [];

  /**
   * Returns the blocks of a text; undefined if there is no space for it.
   *
   * @param place The same at each call.
   * @param isMasked Whether an MCU has a grey ground: the same for pictures of the same size.
   */
  get(
    header: Baseline,
    { line, place }: Text,
    isMasked: (x: number, y: number) => boolean,
  ): TextBlocks | undefined {
    const at = this.#kept.findIndex((kept) => isAlike(kept.header, header));
    const last = at < 0 ? undefined : this.#kept[at];
    if (last?.line === line && at === 0) return last;
    if (last) this.#kept.splice(at, 1);
    let next = last;
    if (last?.line !== line) {
      const picture = drawText(header, line, place);
      if (!picture) return undefined;
      const blocks = makeBlocks(header, picture, isMasked, last);
      next = { header, line, picture, blocks, symbols: symbolsOf(blocks, stepsOf(header)) };
    }
    this.#kept.unshift(next!);
    if (this.#kept.length > MAX_KEPT) this.#kept.pop();
    return next;
  }
}

function stepsOf({ components, quantization }: Baseline): Uint16Array {
  return quantization[components[0]!.tq]!;
}

function symbolsOf(blocks: readonly TextBlock[], steps: Uint16Array): number[] {
  const energies = new Float64Array(256);
  for (const { ac } of blocks) {
    for (let i = 0, last = 0; i < ac.length; i += 2) {
      const k = ac[i]!, value = ac[i + 1]!, zeros = k - last - 1, energy = (value * steps[k]!) ** 2;
      if (zeros > 15) energies[0xf0]! += energy;
      energies[(zeros & 15) << 4 | sizeOf(value)]! += energy;
      last = k;
    }
  }
  const used = [...energies.keys()].filter((symbol) => energies[symbol]! > 0);
  return used.sort((a, b) => energies[b]! - energies[a]!);
}

/** Whether the same text has the same blocks in pictures with two headers. */
function isAlike(one: Baseline, other: Baseline): boolean {
  if (one === other) return true;
  const [a, b] = [one.components[0]!, other.components[0]!];
  const isSameSize = one.width === other.width && one.height === other.height &&
    one.mcuWidth === other.mcuWidth && one.mcuHeight === other.mcuHeight &&
    a.h === b.h && a.v === b.v;
  if (!isSameSize) return false;
  const steps = stepsOf(one), others = stepsOf(other);
  return steps.every((step, k) => step === others[k]);
}

function makeBlocks(
  header: Baseline,
  picture: TextPicture,
  isMasked: (x: number, y: number) => boolean,
  last: TextBlocks | undefined,
): TextBlock[] {
  const { h, v } = header.components[0]!;
  const steps = stepsOf(header);
  const multipliers = multipliersOf(steps);
  const { area, stride, dots } = picture;
  const flat = (ground: number): TextBlock => ({
    dc: Math.round(ground * 8 / steps[0]!),
    ac: new Int16Array(0),
  });
  const grounds = [flat(0), flat(GROUND)] as const;
  const old = last && isSameArea(last.picture, picture) ? last : undefined;
  const blocks: TextBlock[] = [];
  const width = stride / 8, height = dots.length / stride / 8;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * 8 * stride + x * 8;
      if (old && isSameBlock(old.picture.dots, dots, at, stride)) {
        blocks.push(old.blocks[y * width + x]!);
        continue;
      }
      const isGrey = isMasked(area.left + Math.floor(x / h), area.top + Math.floor(y / v));
      blocks.push(
        hasDots(dots, at, stride)
          ? transform(dots, { at, stride, ground: isGrey ? 0 : GROUND, multipliers })
          : grounds[isGrey ? 0 : 1],
      );
    }
  }
  return blocks;
}

function isSameArea(one: TextPicture, { area, stride }: TextPicture): boolean {
  return one.stride === stride && one.area.left === area.left && one.area.top === area.top &&
    one.area.bottom === area.bottom;
}

function isSameBlock(one: Uint8Array, other: Uint8Array, at: number, stride: number): boolean {
  for (let row = 0, p = at; row < 8; row++, p += stride) {
    for (let i = p; i < p + 8; i++) if (one[i] !== other[i]) return false;
  }
  return true;
}

function hasDots(dots: Uint8Array, at: number, stride: number): boolean {
  for (let row = 0, p = at; row < 8; row++, p += stride) {
    for (let i = p; i < p + 8; i++) if (dots[i]) return true;
  }
  return false;
}

const samples = new Uint8ClampedArray(64);
const coefficients = new Int32Array(64);

function transform(
  dots: Uint8Array,
  { at, stride, ground, multipliers }: {
    at: number;
    stride: number;
    ground: number;
    multipliers: Float64Array;
  },
): TextBlock {
  for (let i = 0; i < 64; i++) {
    samples[i] = 128 + (dots[at + (i >> 3) * stride + (i & 7)] ? LETTER : ground);
  }
  forwardDct(samples, 0, 8, multipliers, coefficients);
  const ac: number[] = [];
  for (let k = 1; k < 64; k++) if (coefficients[k] !== 0) ac.push(k, coefficients[k]!);
  return { dc: coefficients[0]!, ac: Int16Array.from(ac) };
}
