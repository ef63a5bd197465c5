import type { Clock } from "../clock.ts";
import type { Jpeg } from "../frame.ts";
import type { Open } from "../hub/hub.ts";
import { withHuffmanTables } from "../jpeg/huffman.ts";
import { segments, type Size, sizeOf } from "../jpeg/segments.ts";
import type { SplitCounts } from "../jpeg/split.ts";
import { Received } from "../received.ts";
import { describeBytes } from "../sniff.ts";
import { withoutThumbnail } from "../jpeg/thumbnail.ts";
import type { Images, TimedJpeg } from "./driver.ts";
import type { Explanation } from "./stall.ts";

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

  /** Describes the data of this capture that has arrived; undefined if it is unknown. */
  explain(): Explanation | undefined {
    if (!this.#received) return undefined;
    const { mayBeSlow } = this.#received;
    return { text: this.#received.describe(), hint: this.#hint, mayBeSlow };
  }
}

/**
 * Turns a driver's images into images that every decoder can read: with a capture time, without an
 * embedded thumbnail, and with the Huffman tables that some webcams omit. Images without a size are
 * dropped and counted as broken.
 */
export function normalize(
  open: Open<Jpeg | TimedJpeg>,
  { clock, broken }: { clock: Clock; broken: BrokenImages },
): Open<NormalizedImage> {
  return async function* (signal) {
    const images: Images = open(signal);
    broken.begin(images);
    for await (const image of images) {
      const { jpeg, capturedAt } = "jpeg" in image
        ? image
        : { jpeg: image, capturedAt: clock.now() };
      const parts = [...segments(jpeg)];
      const size = sizeOf(jpeg, parts);
      if (!size) broken.add(jpeg);
      else {
        const decodable = withHuffmanTables(withoutThumbnail(jpeg, parts), parts);
        yield { jpeg: decodable, capturedAt, size };
      }
    }
  };
}
