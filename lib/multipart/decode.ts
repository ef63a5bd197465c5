import type { Bytes } from "../bytes.ts";
import { MAX_FRAME } from "../frame.ts";
import type { Received } from "../received.ts";
import { boundaryOf, Delimiter } from "./boundary.ts";
import { type DecodeCounts, type Part, PartParser } from "./part_parser.ts";

export type { DecodeCounts, Part };

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
  for await (const chunk of source) {
    parser.push(chunk);
    yield* parser.parts();
  }
  parser.end();
  yield* parser.parts();
}
