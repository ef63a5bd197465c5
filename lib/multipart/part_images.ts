import type { Bytes } from "../bytes.ts";
import { mayBeComplete, startOfPadding } from "../jpeg/missing_eoi.ts";
import { segments } from "../jpeg/segments.ts";

/**
 * Number of images without EOI after which a camera is assumed to send no EOI, as in `splitJpegs`.
 */
const IMAGES_WITHOUT_EOI = 2;
/** Number of bytes at the end of a part that are searched for a delimiter. */
const MAX_DELIMITER = 512;
const NUL = 0x00, LF = 0x0a, CR = 0x0d, SPACE = 0x20, DASH = 0x2d;

/** The image in a part. */
export interface PartImage {
  /** The bytes of the image: the beginning of those of the part. */
  readonly bytes: Bytes;
  /** Whether EOI must be appended. */
  readonly lacksEoi: boolean;
}

/**
 * Finds the images in parts. Bytes after EOI do not belong to the image. A camera that never sends
 * EOI gets it appended, from its second image on; after an image with EOI, images without EOI are
 * broken.
 */
export class PartImages {
  #sendsEoi = false;
  #withoutEoi = 0;

  /**
   * Returns the image in a part that ends at a delimiter; undefined if it contains no complete
   * JPEG.
   */
  inPart(part: Bytes): PartImage | undefined {
    const image = endingWithEoi(part) ?? beforeEoi(part);
    if (image) {
      this.#sendsEoi = true;
      return { bytes: image, lacksEoi: false };
    }
    const rest = withoutLineBreak(part);
    if (this.#sendsEoi || !mayBeComplete(rest)) return undefined;
    return ++this.#withoutEoi >= IMAGES_WITHOUT_EOI ? withoutPadding(rest) : undefined;
  }

  /**
   * Returns the image in a part that ends by its `Content-Length`; undefined if only the next
   * delimiter shows whether the length is correct.
   */
  inLength(part: Bytes): PartImage | undefined {
    const whole = endingWithEoi(part);
    if (whole) {
      this.#sendsEoi = true;
      return { bytes: whole, lacksEoi: false };
    }
    const image = beforeEoi(part);
    if (image) {
      // If the length is too long, the bytes after EOI belong to the next part.
      return mayBeDelimited(part.subarray(image.length)) ? undefined : this.inPart(part);
    }
    const isUsual = !this.#sendsEoi && this.#withoutEoi >= IMAGES_WITHOUT_EOI;
    const isClear = isUsual && !mayBeDelimited(part.subarray(-MAX_DELIMITER));
    return isClear && mayBeComplete(part) ? withoutPadding(part) : undefined;
  }
}

/** Returns bytes without the padding after EOI; undefined if they do not end with EOI. */
function endingWithEoi(bytes: Bytes): Bytes | undefined {
  let end = bytes.length;
  while (end > 0 && isPadding(bytes[end - 1]!)) end--;
  const isWhole = end >= 4 && bytes[end - 2] === 0xff && bytes[end - 1] === 0xd9;
  return isWhole ? bytes.subarray(0, end) : undefined;
}

/**
 * Returns the bytes up to the last EOI after the header, which may contain the EOI of a thumbnail.
 */
function beforeEoi(bytes: Bytes): Bytes | undefined {
  const scan = [...segments(bytes)].at(-1);
  if (scan?.marker !== 0xda) return undefined;
  let at = bytes.length;
  do at = bytes.lastIndexOf(0xd9, at - 1); while (at > scan.end && bytes[at - 1] !== 0xff);
  return at > scan.end ? bytes.subarray(0, at + 1) : undefined;
}

function withoutPadding(bytes: Bytes): PartImage {
  return { bytes: bytes.subarray(0, startOfPadding(bytes)), lacksEoi: true };
}

/** Returns bytes without the line break at their end. */
function withoutLineBreak(bytes: Bytes): Bytes {
  return bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes;
}

/** Whether a line in `bytes` may be a delimiter, or its beginning. */
function mayBeDelimited(bytes: Bytes): boolean {
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === DASH && (at === 0 || bytes[at - 1] === LF)) return true;
  }
  return false;
}

function isPadding(byte: number): boolean {
  return byte === NUL || byte === SPACE || byte === CR || byte === LF;
}
