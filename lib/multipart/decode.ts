import type { Bytes } from "../bytes.ts";
import { MAX_FRAME } from "../frame.ts";
import { boundaryOf, Delimiter } from "./boundary.ts";
import { type DecodeCounts, type Part, PartParser } from "./part_parser.ts";

export type { DecodeCounts, Part };

/** Options of {@link decodeMultipart}. */
export interface DecodeOptions {
  /** In bytes. */
  maxFrame?: number;
  /** Is counted up. */
  counts?: DecodeCounts;
}

/**
 * Reads the JPEGs of a `multipart/x-mixed-replace` stream, as cameras and other servers send it: much
 * that they do wrong is put up with.
 *
 * A part with a `Content-Length` is given once so many bytes have come, if they are a JPEG; else, or
 * without one, when the next boundary has come. What is no whole JPEG is dropped. Each image has a
 * buffer of its own, with free bytes around it: see `MARGIN`.
 *
 * @param contentType The response's, which names the boundary.
 */
export async function* decodeMultipart(
  source: AsyncIterable<Bytes>,
  contentType: string,
  { maxFrame = MAX_FRAME, counts = { broken: 0, skippedBytes: 0 } }: DecodeOptions = {},
): AsyncGenerator<Part> {
  const parser = new PartParser(new Delimiter(boundaryOf(contentType)), maxFrame, counts);
  for await (const chunk of source) {
    parser.push(chunk);
    yield* parser.parts();
  }
  parser.end();
  yield* parser.parts();
}
