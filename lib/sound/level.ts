import type { Bytes } from "../bytes.ts";

/** How loud sound is, in dBFS: 0 is the loudest possible, -Infinity is digital silence. */
export interface SoundLevel {
  /** Mean level. */
  readonly rms: number;
  /** Level of the loudest sample. */
  readonly peak: number;
}

/**
 * Measures the level of 16-bit samples, little-endian. A constant offset, which cheap microphones
 * have, does not count.
 */
export function levelOf(samples: Bytes): SoundLevel {
  const view = new DataView(samples.buffer, samples.byteOffset, samples.byteLength);
  const count = samples.byteLength >> 1;
  if (count === 0) return { rms: -Infinity, peak: -Infinity };
  let sum = 0;
  for (let i = 0; i < count; i++) sum += view.getInt16(2 * i, true);
  const offset = sum / count;
  let [squares, peak] = [0, 0];
  for (let i = 0; i < count; i++) {
    const value = view.getInt16(2 * i, true) - offset;
    squares += value * value;
    peak = Math.max(peak, Math.abs(value));
  }
  return { rms: decibels(Math.sqrt(squares / count)), peak: decibels(peak) };
}

function decibels(amplitude: number): number {
  return Math.min(0, 20 * Math.log10(amplitude / 32_768));
}
