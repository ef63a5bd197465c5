import type { Bytes } from "../../../lib/bytes.ts";

/** Samples of a PGM or PPM file. */
export interface Samples {
  readonly width: number;
  readonly height: number;
  /** 1 for grey, 3 for colour. */
  readonly channels: number;
  readonly samples: Bytes;
}

/** Reads a PGM or PPM file of libjpeg. */
export function readPnm(file: Bytes): Samples {
  const text = new TextDecoder("latin1").decode(file.subarray(0, 40));
  const [header, kind, width, height] = /^P([56])\n(\d+) (\d+)\n255\n/.exec(text)!;
  return {
    width: Number(width),
    height: Number(height),
    channels: kind === "5" ? 1 : 3,
    samples: file.subarray(header.length),
  };
}

/** Returns the peak signal-to-noise ratio of two pictures of the same size, in dB. */
export function psnr(a: Bytes, b: Bytes): number {
  if (a.length !== b.length) throw new Error(`${a.length} and ${b.length} samples`);
  const sum = a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (sum / a.length));
}

/** Returns the samples of a rectangle. */
export function crop(
  { samples, width, channels }: Samples,
  from: { left?: number; top?: number; right: number; bottom: number },
): Bytes {
  const { left = 0, top = 0, right, bottom } = from;
  const rows = Array.from({ length: bottom - top }, (_, i) => {
    const row = (top + i) * width;
    return samples.subarray((row + left) * channels, (row + right) * channels);
  });
  return Uint8Array.from(rows.flatMap((row) => [...row]));
}

/**
 * Makes a picture smaller by the definition of the transform: of each 8 x 8 samples, the
 * `eighths` x `eighths` coefficients of lowest frequency become as many samples. The last samples
 * are repeated to whole blocks.
 */
export function reduce({ width, height, channels, samples }: Samples, eighths: number): Samples {
  const small = { width: Math.ceil(width * eighths / 8), height: Math.ceil(height * eighths / 8) };
  const result = new Uint8ClampedArray(small.width * small.height * channels);
  const matrix = reduction(eighths);
  const row = new Float64Array(8 * eighths);
  const sampleAt = (x: number, y: number, channel: number) =>
    samples[(Math.min(y, height - 1) * width + Math.min(x, width - 1)) * channels + channel]!;
  const product = (i: number, value: (j: number) => number) => {
    let sum = 0;
    for (let j = 0; j < 8; j++) sum += matrix[i * 8 + j]! * value(j);
    return sum;
  };
  for (let channel = 0; channel < channels; channel++) {
    for (let top = 0; top < height; top += 8) {
      for (let left = 0; left < width; left += 8) {
        for (let y = 0; y < 8; y++) {
          for (let i = 0; i < eighths; i++) {
            row[y * eighths + i] = product(i, (j) => sampleAt(left + j, top + y, channel));
          }
        }
        for (let k = 0; k < eighths * eighths; k++) {
          const i = k % eighths, j = Math.floor(k / eighths);
          const x = left / 8 * eighths + i, y = top / 8 * eighths + j;
          if (x >= small.width || y >= small.height) continue;
          result[(y * small.width + x) * channels + channel] = product(
            j,
            (y) => row[y * eighths + i]!,
          );
        }
      }
    }
  }
  return { ...small, channels, samples: Uint8Array.from(result) };
}

/** Returns the matrix that makes `n` samples of 8: their lowest frequencies. */
function reduction(n: number): number[] {
  const cosine = (i: number, u: number, size: number) =>
    Math.sqrt((u === 0 ? 1 : 2) / size) * Math.cos((2 * i + 1) * u * Math.PI / (2 * size));
  return Array.from({ length: n * 8 }, (_, index) => {
    const i = Math.floor(index / 8), j = index % 8;
    let sum = 0;
    for (let u = 0; u < n; u++) sum += cosine(i, u, n) * cosine(j, u, 8);
    return sum * Math.sqrt(n / 8);
  });
}
