import type { Clock } from "../clock.ts";
import type { Jpeg } from "../frame.ts";
import { releaseFrameBuffer } from "../frame_buffers.ts";
import type { Source } from "../hub/source.ts";
import { withHuffmanTables } from "../jpeg/huffman.ts";
import { repairJpeg } from "../jpeg/repair.ts";
import { type Segment, segments, type Size, sizeOf } from "../jpeg/segments.ts";
import type { SplitCounts } from "../jpeg/split.ts";
import { Received } from "../received.ts";
import { describeBytes } from "../sniff.ts";
import { withoutThumbnail } from "../jpeg/thumbnail.ts";
import type { Images, OpenImages, TimedJpeg } from "./driver.ts";
import type { Explanation } from "./stall.ts";

/** Marker of a scan header. */
const SOS = 0xda;

/** An image that every decoder can read, with its size and its capture time. */
export interface NormalizedImage extends Required<TimedJpeg> {
  readonly size: Size;
}

/**
 * Counts the broken images of a camera over all its captures, and explains why there is no picture.
 */
export class BrokenImages {
  #previous = 0;
  #current: SplitCounts = { broken: 0, skippedBytes: 0 };
  #received: Received | undefined;
  #hint: string | undefined;
  /** Why the latest image of this capture could not be edited; undefined if it could. */
  #refused: { why: string; hint: string } | undefined;

  /** Number of images that were broken, incomplete or too large. */
  get total(): number {
    return this.#previous + this.#current.broken;
  }

  /** Starts the counts of a new capture. */
  begin({ counts, received, hint }: Partial<Images> = {}): void {
    this.#previous = this.total;
    this.#current = counts ?? { broken: 0, skippedBytes: 0 };
    this.#received = received;
    this.#hint = hint;
    this.#refused = undefined;
  }

  /** Counts a broken image, which has no size. */
  add(image: Jpeg): void {
    this.#current.broken++;
    const kind = describeBytes(image);
    this.#received ??= new Received();
    this.#received.addBroken(
      kind === "JPEG" ? "JPEG header without a size" : `${kind} instead of JPEG`,
    );
  }

  /** Counts an image that is dropped as it cannot be edited. @param why As in "cannot be masked: …". */
  refuse(why: string, hint: string): void {
    this.#current.broken++;
    this.#refused = { why, hint };
  }

  /** Records that an image could be edited. */
  admit(): void {
    this.#refused = undefined;
  }

  /** Describes the data of this capture that has arrived; undefined if it is unknown. */
  explain(): Explanation | undefined {
    if (this.#refused) {
      const { why, hint } = this.#refused;
      // Without a number: the log repeats a failure only if its text changes.
      return { text: `JPEGs arrive that ${why}`, hint, mayBeSlow: false, always: true };
    }
    if (!this.#received) return undefined;
    const { mayBeSlow } = this.#received;
    return { text: this.#received.describe(), hint: this.#hint, mayBeSlow };
  }
}

/**
 * Turns a driver's images into images that every decoder can read: with a capture time, without an
 * embedded thumbnail, and with the Huffman tables that some webcams omit. Damaged headers are
 * repaired if possible. Images without a size are dropped and counted as broken.
 */
export function normalize(
  open: OpenImages,
  { clock, broken }: { clock: Clock; broken: BrokenImages },
): Source<NormalizedImage> {
  return async (signal, push) => {
    const images: Images = open(signal);
    broken.begin(images);
    const add = (received: Jpeg, capturedAt: number) => {
      const image = normalized(received);
      if (image) push({ ...image, capturedAt });
      else broken.add(received);
      if (image?.jpeg.buffer !== received.buffer) releaseFrameBuffer(received); // only copied
    };
    if (!images.pushTo) {
      for await (const image of images) {
        if (signal.aborted) return;
        if ("jpeg" in image) add(image.jpeg, image.capturedAt);
        else add(image, clock.now());
      }
      return;
    }
    await images.pushTo((jpeg, { width, height, isPlain }) => {
      if (isPlain) push({ jpeg, capturedAt: clock.now(), size: { width, height } });
      else add(jpeg, clock.now());
    });
  };
}

/** Returns an image that every decoder can read; undefined if it has no size. */
function normalized(received: Jpeg): Pick<NormalizedImage, "jpeg" | "size"> | undefined {
  const { jpeg, parts } = readHeader(received);
  const size = sizeOf(jpeg, parts);
  return size && { jpeg: withHuffmanTables(withoutThumbnail(jpeg, parts), parts), size };
}

/** Reads the header of an image, and repairs it if it ends before the first scan. */
function readHeader(jpeg: Jpeg): { jpeg: Jpeg; parts: Segment[] } {
  const parts = [...segments(jpeg)];
  const repaired = parts.at(-1)?.marker === SOS ? undefined : repairJpeg(jpeg);
  return repaired ? { jpeg: repaired, parts: [...segments(repaired)] } : { jpeg, parts };
}
