import { ZIGZAG } from "./zigzag.ts";

// The transform of Arai, Agui and Nakajima, as in jfdctflt.c of libjpeg: it leaves one factor per
// coefficient to the quantization.

const FACTORS = [0, 1, 2, 3, 4, 5, 6, 7].map((i) =>
  i === 0 ? 1 : Math.SQRT2 * Math.cos(i * Math.PI / 16)
);
const HALF = Math.SQRT1_2;
const C2 = Math.sin(Math.PI / 8);
const DIFFERENCE = Math.SQRT2 * Math.cos(3 * Math.PI / 8);
const SUM = Math.SQRT2 * Math.cos(Math.PI / 8);
const MIDDLE = 128;
/** Makes numbers positive, which `| 0` then rounds. */
const LARGE = 16384, ROUND = LARGE + 0.5;

/** Returns what the results of {@link forwardDct} are multiplied with, by place in the block. */
export function multipliersOf(quantization: Uint16Array): Float64Array {
  const multipliers = new Float64Array(64);
  ZIGZAG.forEach((at, k) => {
    multipliers[at] = 1 / (quantization[k]! * FACTORS[at >> 3]! * FACTORS[at & 7]! * 8);
  });
  return multipliers;
}

const rows = new Float64Array(64);
const PLACES = new Uint8Array(64);
ZIGZAG.forEach((at, k) => PLACES[at] = k);

/**
 * Transforms and quantizes 8 x 8 samples.
 *
 * @param at Place of the first sample.
 * @param multipliers See {@link multipliersOf}.
 * @param block Gets the coefficients in zigzag order.
 */
export function forwardDct(
  samples: Uint8ClampedArray,
  at: number,
  stride: number,
  multipliers: Float64Array,
  block: Int32Array,
): void {
  const w = rows;
  for (let i = 0, p = at; i < 64; i += 8, p += stride) {
    const s0 = samples[p]!, s1 = samples[p + 1]!, s2 = samples[p + 2]!, s3 = samples[p + 3]!;
    const s4 = samples[p + 4]!, s5 = samples[p + 5]!, s6 = samples[p + 6]!, s7 = samples[p + 7]!;
    const a0 = s0 + s7, a7 = s0 - s7, a1 = s1 + s6, a6 = s1 - s6;
    const a2 = s2 + s5, a5 = s2 - s5, a3 = s3 + s4, a4 = s3 - s4;
    const b0 = a0 + a3, b3 = a0 - a3, b1 = a1 + a2, b2 = a1 - a2;
    w[i] = b0 + b1 - 8 * MIDDLE;
    w[i + 4] = b0 - b1;
    const z1 = (b2 + b3) * HALF;
    w[i + 2] = b3 + z1;
    w[i + 6] = b3 - z1;
    const c0 = a4 + a5, c1 = a5 + a6, c2 = a6 + a7;
    const z5 = (c0 - c2) * C2, z2 = DIFFERENCE * c0 + z5, z4 = SUM * c2 + z5, z3 = c1 * HALF;
    const z11 = a7 + z3, z13 = a7 - z3;
    w[i + 5] = z13 + z2;
    w[i + 3] = z13 - z2;
    w[i + 1] = z11 + z4;
    w[i + 7] = z11 - z4;
  }
  for (let x = 0; x < 8; x++) {
    const s0 = w[x]!, s1 = w[x + 8]!, s2 = w[x + 16]!, s3 = w[x + 24]!;
    const s4 = w[x + 32]!, s5 = w[x + 40]!, s6 = w[x + 48]!, s7 = w[x + 56]!;
    const a0 = s0 + s7, a7 = s0 - s7, a1 = s1 + s6, a6 = s1 - s6;
    const a2 = s2 + s5, a5 = s2 - s5, a3 = s3 + s4, a4 = s3 - s4;
    const b0 = a0 + a3, b3 = a0 - a3, b1 = a1 + a2, b2 = a1 - a2;
    const z1 = (b2 + b3) * HALF;
    const c0 = a4 + a5, c1 = a5 + a6, c2 = a6 + a7;
    const z5 = (c0 - c2) * C2, z2 = DIFFERENCE * c0 + z5, z4 = SUM * c2 + z5, z3 = c1 * HALF;
    const z11 = a7 + z3, z13 = a7 - z3;
    block[PLACES[x]!] = ((b0 + b1) * multipliers[x]! + ROUND | 0) - LARGE;
    block[PLACES[x + 8]!] = ((z11 + z4) * multipliers[x + 8]! + ROUND | 0) - LARGE;
    block[PLACES[x + 16]!] = ((b3 + z1) * multipliers[x + 16]! + ROUND | 0) - LARGE;
    block[PLACES[x + 24]!] = ((z13 - z2) * multipliers[x + 24]! + ROUND | 0) - LARGE;
    block[PLACES[x + 32]!] = ((b0 - b1) * multipliers[x + 32]! + ROUND | 0) - LARGE;
    block[PLACES[x + 40]!] = ((z13 + z2) * multipliers[x + 40]! + ROUND | 0) - LARGE;
    block[PLACES[x + 48]!] = ((b3 - z1) * multipliers[x + 48]! + ROUND | 0) - LARGE;
    block[PLACES[x + 56]!] = ((z11 - z4) * multipliers[x + 56]! + ROUND | 0) - LARGE;
  }
}
