/**
 * Transforms the lowest `n` x `n` coefficients of a block into as many samples: the samples of a
 * picture that is n/8 as large. Sets the coefficients to 0.
 *
 * @param block Coefficients times their quantization steps, `n` in a row.
 * @param at Place of the first sample.
 */
type Inverse = (block: Int32Array, samples: Uint8ClampedArray, at: number, stride: number) => void;

/** The transform to each size; index 0 has none. */
export const INVERSES: readonly Inverse[] = [flat, flat, inverse2, inverse3, inverse4];

// The transforms are those of jidctint.c in libjpeg, with integers: 12 bits behind the point in the
// factors, and 3 between the passes. A DC coefficient of 8 is one step of grey, and 128 is the middle.
const MIDDLE = 128 * 8;
const fixed = (value: number) => Math.round(value * 4096);
const A = fixed(Math.SQRT2 * Math.cos(Math.PI / 8)), B = fixed(Math.SQRT2 * Math.sin(Math.PI / 8));
const C = fixed(Math.sqrt(1.5)), D = fixed(Math.SQRT1_2);

/** The sample of a block that has a DC coefficient only. */
export function greyOf(dc: number): number {
  return (dc + MIDDLE + 4) >> 3;
}

function flat(block: Int32Array, samples: Uint8ClampedArray, at: number): void {
  samples[at] = greyOf(block[0]!);
}

function inverse2(block: Int32Array, samples: Uint8ClampedArray, at: number, stride: number): void {
  const dc = block[0]! + MIDDLE + 4, x = block[1]!, y = block[2]!, xy = block[3]!;
  samples[at] = (dc + x + y + xy) >> 3;
  samples[at + 1] = (dc - x + y - xy) >> 3;
  samples[at + stride] = (dc + x - y - xy) >> 3;
  samples[at + stride + 1] = (dc - x - y + xy) >> 3;
  block[1] = block[2] = block[3] = 0;
}

const temporary = new Int32Array(16);

function inverse3(block: Int32Array, samples: Uint8ClampedArray, at: number, stride: number): void {
  const t = temporary;
  block[0]! += MIDDLE;
  for (let i = 0; i < 9; i += 3) {
    const x0 = block[i]! << 3, x1 = block[i + 1]!, x2 = block[i + 2]!;
    const odd = Math.imul(x1, C) >> 9, even = Math.imul(x2, D) >> 9;
    t[i] = x0 + even + odd;
    t[i + 1] = x0 - 2 * even;
    t[i + 2] = x0 + even - odd;
    block[i] = block[i + 1] = block[i + 2] = 0;
  }
  for (let x = 0; x < 3; x++) {
    const x0 = t[x]! + 32,
      odd = Math.imul(t[x + 3]!, C) >> 12,
      even = Math.imul(t[x + 6]!, D) >> 12;
    samples[at + x] = (x0 + even + odd) >> 6;
    samples[at + stride + x] = (x0 - 2 * even) >> 6;
    samples[at + 2 * stride + x] = (x0 + even - odd) >> 6;
  }
}

function inverse4(block: Int32Array, samples: Uint8ClampedArray, at: number, stride: number): void {
  const t = temporary;
  block[0]! += MIDDLE;
  for (let i = 0; i < 16; i += 4) {
    const x0 = block[i]!, x1 = block[i + 1]!, x2 = block[i + 2]!, x3 = block[i + 3]!;
    const sum = (x0 + x2) << 3, difference = (x0 - x2) << 3;
    const outer = (Math.imul(x1, A) + Math.imul(x3, B)) >> 9;
    const inner = (Math.imul(x1, B) - Math.imul(x3, A)) >> 9;
    t[i] = sum + outer;
    t[i + 1] = difference + inner;
    t[i + 2] = difference - inner;
    t[i + 3] = sum - outer;
    block[i] =
      block[i + 1] =
      block[i + 2] =
      block[i + 3] =
        0;
  }
  for (let x = 0; x < 4; x++) {
    const x0 = t[x]! + 32, x1 = t[x + 4]!, x2 = t[x + 8]!, x3 = t[x + 12]!;
    const sum = x0 + x2, difference = x0 - x2;
    const outer = (Math.imul(x1, A) + Math.imul(x3, B)) >> 12;
    const inner = (Math.imul(x1, B) - Math.imul(x3, A)) >> 12;
    samples[at + x] = (sum + outer) >> 6;
    samples[at + stride + x] = (difference + inner) >> 6;
    samples[at + 2 * stride + x] = (difference - inner) >> 6;
    samples[at + 3 * stride + x] = (sum - outer) >> 6;
  }
}
