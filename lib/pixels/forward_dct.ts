import { ZIGZAG } from "./zigzag.ts";

const COSINES = Float64Array.from({ length: 64 }, (_, i) => {
  const u = i >> 3, x = i & 7;
  return (u === 0 ? Math.SQRT1_2 : 1) * Math.cos((2 * x + 1) * u * Math.PI / 16) / 2;
});

/**
 * Transforms a block of 8x8 samples, and quantizes it: the plain transform, for few blocks.
 *
 * @param samples From -128 to 127.
 * @param steps Quantization table in zigzag order.
 * @returns The coefficients in zigzag order.
 */
export function forwardDct(samples: Int8Array, steps: Uint16Array): Int32Array {
  const rows = new Float64Array(64);
  for (let y = 0; y < 8; y++) {
    for (let u = 0; u < 8; u++) {
      let sum = 0;
      for (let x = 0; x < 8; x++) sum += samples[y * 8 + x]! * COSINES[u * 8 + x]!;
      rows[y * 8 + u] = sum;
    }
  }
  return Int32Array.from({ length: 64 }, (_, k) => {
    const v = ZIGZAG[k]! >> 3, u = ZIGZAG[k]! & 7;
    let sum = 0;
    for (let y = 0; y < 8; y++) sum += rows[y * 8 + u]! * COSINES[v * 8 + y]!;
    return Math.round(sum / steps[k]!);
  });
}
