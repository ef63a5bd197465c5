import type { Bytes } from "../bytes.ts";
import { isFrameHeader, segments, sizeOf } from "./segments.ts";

/**
 * Minimum size of an encoded block of 8x8 pixels, in bytes: one bit for its DC coefficient and one
 * for its AC coefficients.
 */
const MIN_BLOCK = 2 / 8;
/** Number of padding zeros that are kept: a scan may end with a few zeros. */
const KEPT_ZEROS = 16;

/**
 * Whether an image may be complete except for its EOI: its scans have at least the number of bytes
 * that an image of its size needs. This number is known only for baseline and extended sequential
 * images with Huffman coding.
 */
export function mayBeComplete(image: Bytes): boolean {
  const header = [...segments(image)];
  const scan = header.at(-1);
  if (scan?.marker !== 0xda) return false;
  const type = header.find(({ marker }) => isFrameHeader(marker))?.marker;
  const isSequential = type === 0xc0 || type === 0xc1;
  const { width, height } = sizeOf(image, header) ?? { width: 0, height: 0 };
  const blocks = isSequential ? Math.ceil(width / 8) * Math.ceil(height / 8) : 0;
  return image.length - scan.end >= Math.max(1, blocks * MIN_BLOCK);
}

/** Returns the position of the zeros that pad an image, after the first {@link KEPT_ZEROS}. */
export function startOfPadding(image: Bytes): number {
  let end = image.length;
  while (end > 0 && image[end - 1] === 0) end--;
  return Math.min(image.length, end + KEPT_ZEROS);
}
