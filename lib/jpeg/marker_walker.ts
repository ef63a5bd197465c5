import { type Bytes, HEADROOM } from "../bytes.ts";
import { mayBeComplete, startOfPadding } from "./missing_eoi.ts";
import { hasSoi, hasTables, isApplicationData, resynchronize } from "./resync.ts";
import { findMarker } from "./scan.ts";
import { isFrameHeader, isStandalone } from "./segments.ts";

/** Counts of the data that a splitter has dropped. */
export interface SplitCounts {
  /**
   * Images that were dropped: broken, cut short or too large. Repaired images are not counted, and
   * neither is an SOI before another SOI.
   */
  broken: number;
  /**
   * Bytes of the source that belong to no image: of dropped images, between images, and the padding
   * of images without EOI.
   */
  skippedBytes: number;
}

/**
 * Number of images without EOI after which a camera is assumed to send no EOI, unless it has sent
 * one. The first image may be incomplete, as programs start in the middle of a stream. A higher
 * number would delay slow cameras.
 */
const IMAGES_WITHOUT_EOI = 2;

/** What was seen in the header of an image, before its first scan. */
export interface SeenHeader {
  /** In pixels; 0 if the image has no valid size. */
  readonly width: number;
  /** In pixels; 0 if the image has no valid size. */
  readonly height: number;
  /**
   * Whether every decoder can read the image as it is: it has a size, Huffman tables and no EXIF
   * data, and was not repaired.
   */
  readonly isPlain: boolean;
}

const CUT_OFF = "cut off before the end (EOI)";
const SEEK = 0, SEGMENT = 1, SCAN = 2;

/** Walks over the markers of images incrementally. */
export class MarkerWalker {
  /** Start of the current image, or where the next one may start. */
  start = HEADROOM;
  /** Next byte to examine. */
  position = HEADROOM;
  /** End of the image that was found. */
  imageEnd = HEADROOM;
  /** Whether EOI must be appended to the image that was found. */
  needsEoi = false;
  readonly #counts: SplitCounts;
  readonly #maxFrame: number;
  readonly #onBroken: (reason: string) => void;
  #state: typeof SEEK | typeof SEGMENT | typeof SCAN = SEEK;
  /** Start of the latest segment; before the first segment, start of the image. */
  #segment = HEADROOM;
  #hasFrameHeader = false;
  #hasScan = false;
  /** Whether a size was seen, valid or not: the first one counts. */
  #hasSize = false;
  #width = 0;
  #height = 0;
  #hasHuffmanTables = false;
  #hasExif = false;
  /** Whether the header of the current image was repaired. */
  #isRepaired = false;
  /** Whether an image with EOI was seen: from then on, an image without EOI is broken. */
  #sendsEoi = false;
  #imagesWithoutEoi = 0;

  /**
   * @param onBroken Called for each image that is dropped before the end of the source, with the
   * reason, such as "damaged header".
   */
  constructor(
    counts: SplitCounts,
    maxFrame: number,
    onBroken: (reason: string) => void = () => {},
  ) {
    this.#onBroken = onBroken;
    this.#counts = counts;
    this.#maxFrame = maxFrame;
  }

  /** Whether the camera is assumed to send no EOI. */
  get lacksEoi(): boolean {
    return !this.#sendsEoi && this.#imagesWithoutEoi >= IMAGES_WITHOUT_EOI;
  }

  /** What was seen in the header of the image that was found last. */
  get header(): SeenHeader {
    const [width, height] = [this.#width, this.#height];
    const isReadable = this.#hasHuffmanTables && !this.#hasExif && !this.#isRepaired;
    return { width, height, isPlain: isReadable && width > 0 && height > 0 };
  }

  /**
   * Continues through `bytes`, and repairs the headers in them.
   *
   * @returns Whether there is an image between `start` and `imageEnd`.
   */
  findFrame(bytes: Bytes): boolean {
    for (;;) {
      const found = this.#state === SCAN
        ? this.#scan(bytes)
        : this.#state === SEGMENT
        ? this.#walkSegment(bytes)
        : this.#seek(bytes);
      if (this.#state !== SEEK && this.position - this.start > this.#maxFrame) {
        this.#drop(this.#segment + 2, `larger than ${this.#maxFrame} bytes`);
      } else if (found === "frame") {
        this.#state = SEEK;
        return true;
      } else if (found === "more") return false;
    }
  }

  /** Adjusts all positions after the bytes were moved. */
  shift(by: number): void {
    this.position += by;
    this.start = this.#state === SEEK ? this.position : this.start + by;
    this.#segment += by;
  }

  /**
   * Ends the walk at `end`. An incomplete image counts as broken, except an image without EOI of a
   * camera that sends no EOI.
   *
   * @param bytes Read only if the camera {@link lacksEoi}.
   * @returns Whether there is a last image between `start` and `imageEnd`.
   */
  finish(bytes: Bytes, end: number): boolean {
    if (this.#state === SCAN && this.lacksEoi) {
      // FF D8 may begin the next image. What follows the end is the rest of an earlier image.
      const isNext = this.position + 1 < end && bytes[this.position + 1] === 0xd8;
      const at = isNext ? this.position : end;
      this.#counts.skippedBytes += end - at;
      if (this.#endWithoutEoi(bytes, at)) return true;
      end = at;
    }
    if (this.#state !== SEEK) this.#counts.broken++;
    this.#counts.skippedBytes += end - this.start;
    return false;
  }

  #seek(bytes: Bytes): "more" | undefined {
    let at = bytes.indexOf(0xff, this.position);
    while (at !== -1 && at + 2 < bytes.length && !isStart(bytes, at)) {
      at = bytes.indexOf(0xff, at + 1);
    }
    const from = this.start;
    this.start = this.position = at === -1 ? bytes.length : at;
    this.#counts.skippedBytes += this.start - from;
    if (at === -1 || at + 2 >= bytes.length) return "more";
    this.#state = SEGMENT;
    this.#segment = this.start;
    this.position += 2;
    this.#hasFrameHeader = this.#hasScan = this.#isRepaired = false;
    this.#hasHuffmanTables = this.#hasExif = this.#hasSize = false;
    this.#width = this.#height = 0;
  }

  #walkSegment(bytes: Bytes): "frame" | "more" | undefined {
    const at = this.position;
    if (at + 1 >= bytes.length) return "more";
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || marker === 0x00) return this.#resynchronize(bytes);
    if (marker === 0xff) { // any number of FF bytes may precede a marker
      this.position++;
      return;
    }
    if (marker === 0xd8) {
      return this.#segment === this.start ? this.#skip(at) : this.#drop(at, CUT_OFF);
    }
    if (marker === 0xd9) return this.#end(at);
    this.#segment = at;
    if (isStandalone(marker)) {
      this.position += 2;
      return;
    }
    if (at + 3 >= bytes.length) return "more";
    let length = bytes[at + 2]! << 8 | bytes[at + 3]!;
    if (length < 2) {
      if (this.#hasScan || !isApplicationData(marker)) return this.#drop(at + 2);
      bytes[at + 2] = 0; // decoders read such a segment as an empty one
      bytes[at + 3] = length = 2;
    }
    if (marker === 0xda) {
      const end = at + 2 + length;
      if (!this.#hasFrameHeader) return this.#drop(at + 2);
      if (end + 1 >= bytes.length) return "more";
      // No marker follows a scan header, so this is the only sign that the image ends within it.
      if (hasSoi(bytes, at + 2, end)) return this.#drop(at + 2);
      if (this.#isRepaired && !hasTables(bytes.subarray(this.start, end))) {
        return this.#drop(at + 2); // the damage destroyed a table
      }
      this.#state = SCAN;
      this.#hasScan = true;
    }
    if (!this.#hasScan && this.#noteSegment(bytes, marker, length) === "more") return "more";
    this.position += 2 + length;
  }

  /** Notes what a segment of the header says about the image. */
  #noteSegment(bytes: Bytes, marker: number, length: number): "more" | undefined {
    if (marker === 0xc4) this.#hasHuffmanTables = true;
    else if (marker === 0xe1) this.#hasExif = true;
    else if (isFrameHeader(marker)) {
      const at = this.position;
      if (at + 8 >= bytes.length) return "more";
      this.#hasFrameHeader = true;
      if (length < 7 || this.#hasSize) return;
      this.#hasSize = true;
      this.#height = bytes[at + 5]! << 8 | bytes[at + 6]!;
      this.#width = bytes[at + 7]! << 8 | bytes[at + 8]!;
    }
  }

  #scan(bytes: Bytes): "frame" | "more" | undefined {
    const at = findMarker(bytes, this.position);
    if (at === -1 || at + 1 >= bytes.length) {
      this.position = at === -1 ? Math.max(bytes.length, this.position) : at;
      return "more";
    }
    this.position = at;
    if (bytes[at + 1] === 0xff) this.position++;
    else if (bytes[at + 1] === 0xd9) {
      return this.#end(at);
    } else if (bytes[at + 1] === 0xd8) return this.#endAtNextImage(bytes, at);
    else this.#state = SEGMENT; // tables or another scan
  }

  /** Handles bytes that are not a marker where a segment must begin. */
  #resynchronize(bytes: Bytes): "more" | undefined {
    const isInHeader = this.#segment !== this.start && !this.#hasScan;
    const at = isInHeader ? resynchronize(bytes, this.#segment, this.position) : undefined;
    if (at === "more") return "more";
    if (at === undefined) return this.#drop(this.#segment + 2);
    this.#isRepaired = true;
    this.position = at;
  }

  /** Handles EOI: ends the image if it has a scan. */
  #end(at: number): "frame" | undefined {
    if (!this.#hasScan) return this.#drop(at + 2);
    this.position = this.imageEnd = at + 2;
    this.needsEoi = false;
    this.#sendsEoi ||= this.imageEnd - this.start <= this.#maxFrame;
    return "frame";
  }

  /**
   * Handles the SOI of the next image in a scan: the image is incomplete, or the camera sends no
   * EOI.
   */
  #endAtNextImage(bytes: Bytes, at: number): "frame" | "more" | undefined {
    if (this.#sendsEoi) return this.#drop(at, CUT_OFF);
    if (at + 2 >= bytes.length) return "more";
    const image = bytes.subarray(this.start, at);
    if (image.length > this.#maxFrame || !isStart(bytes, at) || !mayBeComplete(image)) {
      return this.#drop(at, CUT_OFF);
    }
    this.#imagesWithoutEoi++;
    return this.lacksEoi && this.#endWithoutEoi(bytes, at) ? "frame" : this.#drop(at, CUT_OFF);
  }

  /** Ends the image before `at` and before its padding, if it may be complete. */
  #endWithoutEoi(bytes: Bytes, at: number): boolean {
    const image = bytes.subarray(this.start, at);
    const length = startOfPadding(image);
    if (length + 2 > this.#maxFrame || !mayBeComplete(image)) return false;
    this.position = at;
    this.imageEnd = this.start + length;
    this.needsEoi = true;
    this.#counts.skippedBytes += at - this.imageEnd;
    return true;
  }

  /** Drops the current image and searches for the next one from `at` on. */
  #drop(at: number, reason = "damaged header"): undefined {
    this.#counts.broken++;
    this.#onBroken(reason);
    this.#skip(at);
  }

  /** Skips the bytes before `at` and searches for the next image from there on. */
  #skip(at: number): undefined {
    this.#counts.skippedBytes += at - this.start;
    this.start = this.position = at;
    this.#state = SEEK;
  }
}

/** Whether an image begins at `at`: SOI and the FF of the next marker. */
function isStart(bytes: Bytes, at: number): boolean {
  return bytes[at + 1] === 0xd8 && bytes[at + 2] === 0xff;
}
