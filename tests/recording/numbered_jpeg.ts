import type { Jpeg } from "../../lib/frame.ts";
import { BlockPicture } from "../../lib/jpeg/block_picture.ts";
import type { Size } from "../../lib/jpeg/segments.ts";
import { join, segment } from "../lib/jpeg/sample_jpegs.ts";

/** Maximum size of a comment's text. */
const MAX_COMMENT = 65_533;

/** Options of {@link numberedJpeg}. */
export interface NumberedOptions {
  /** Minimum size of the JPEG in bytes; comments fill it up. */
  readonly bytes?: number;
  /** Size of the picture. @default {64x48} */
  readonly size?: Size;
}

/**
 * Returns a JPEG that shows its number in black and white blocks, and has it in a comment. The same
 * arguments give the same bytes, so that a frame that was read again can be compared.
 */
export function numberedJpeg(number: number, options: NumberedOptions = {}): Jpeg {
  const { bytes = 0, size = { width: 64, height: 48 } } = options;
  const picture = new BlockPicture(size, 128);
  for (let bit = 0; bit < 32; bit++) {
    picture.fill(bit % 8, bit >> 3, 1, 1, number >>> bit & 1 ? 235 : 16);
  }
  const plain = picture.encode();
  const comments = [segment(0xfe, new TextEncoder().encode(`number=${number};`))];
  for (let rest = bytes - plain.length - comments[0]!.length; rest > 4;) {
    const length = Math.min(rest - 4, MAX_COMMENT);
    comments.push(segment(0xfe, new Uint8Array(length).fill(32 + number % 90)));
    rest -= length + 4;
  }
  return join(plain.subarray(0, 2), ...comments, plain.subarray(2));
}

/** Returns the number of a {@link numberedJpeg}, or that of a picture of the stand-in camera. */
export function numberOf(jpeg: Uint8Array): number | undefined {
  const text = new TextDecoder("latin1").decode(jpeg.subarray(0, 1_000));
  const number = /number=(\d+);|fake n=(\d+) /.exec(text);
  return number ? Number(number[1] ?? number[2]) : undefined;
}
