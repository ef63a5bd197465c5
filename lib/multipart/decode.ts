import type { Bytes } from "../bytes.ts";
import { MAX_FRAME } from "../frame.ts";
import type { Received } from "../received.ts";
import { boundaryOf, Delimiter } from "./boundary.ts";
import { MissedImages } from "./missed_images.ts";
import { type DecodeCounts, type Part, PartParser } from "./part_parser.ts";

export type { DecodeCounts, Part };

/** Number of images in parts after which the delimiters are known. */
const IMAGES_IN_PARTS = 4;

/** Options of {@link decodeMultipart}. */
export interface DecodeOptions {
  /** Maximum size of an image in bytes. @default {16 MiB} */
  maxFrame?: number;
  /** Counters to update. */
  counts?: DecodeCounts;
  /** Record to which the received data is added. */
  received?: Received;
}

/**
 * Decodes the JPEGs in a `multipart/x-mixed-replace` stream; tolerates the mistakes of real cameras
 * and servers.
 *
 * A part with a `Content-Length` is yielded as soon as that number of bytes has arrived, if they
 * are a JPEG; otherwise when the next delimiter has arrived. Parts without a complete JPEG, see
 * {@link PartImages}, are dropped, whatever their type is. If the boundary in `contentType` is
 * wrong, the first delimiter determines it. Each image has a separate buffer, with `HEADROOM`
 * around the image.
 *
 * If no delimiters can be recognised between the first images, the stream is read as JPEGs without
 * anything between them: then the images have no timestamps.
 *
 * @param contentType The `Content-Type` of the response, with the boundary.
 */
export async function* decodeMultipart(
  source: AsyncIterable<Bytes>,
  contentType: string,
  { maxFrame = MAX_FRAME, counts = { broken: 0, skippedBytes: 0 }, received }: DecodeOptions = {},
): AsyncGenerator<Part> {
  const parser = new PartParser(new Delimiter(boundaryOf(contentType)), {
    maxFrame,
    counts,
    received,
  });
  const chunks = source[Symbol.asyncIterator]();
  let missed: MissedImages | undefined = new MissedImages(maxFrame);
  let images = 0;
  try {
    for (let read; !(read = await chunks.next()).done;) {
      parser.push(read.value);
      const before = images;
      for (const part of parser.parts()) {
        images++;
        yield part;
      }
      if (images >= IMAGES_IN_PARTS) missed = undefined;
      if (!missed?.add(read.value, images > before)) continue;
      for await (const jpeg of missed.split(chunks, counts)) yield { jpeg, timestamp: undefined };
      return;
    }
    parser.end();
    yield* parser.parts();
  } finally {
    await chunks.return?.();
  }
}
