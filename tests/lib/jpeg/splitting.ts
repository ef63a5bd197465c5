import { assert, assertEquals } from "@std/assert";
import { type Bytes, type ByteSource, hasHeadroom, HEADROOM } from "../../../lib/bytes.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { releaseFrameBuffer } from "../../../lib/frame_buffers.ts";
import {
  type SeenHeader,
  type SplitCounts,
  splitJpegs,
  type SplitOptions,
} from "../../../lib/jpeg/split.ts";
import { FakeProgram, inChunks } from "./byte_sources.ts";

/** Splits `whole` in chunks of three sizes, by iteration and by `pushTo`, and asserts that the results are equal. */
export async function split(
  whole: Uint8Array,
  options?: SplitOptions,
): Promise<{ frames: Jpeg[]; counts: SplitCounts }> {
  const results = [];
  for (const size of [1, 3, whole.length]) {
    const images = splitJpegs(new FakeProgram(inChunks(whole, () => size)), options);
    results.push({ frames: await Array.fromAsync(images), counts: images.counts });
    const source = new FakeProgram(inChunks(whole, () => size));
    const { frames, counts } = await pushed(source, options);
    assertEquals({ frames, counts }, results.at(-1));
  }
  assertEquals(results[1]!.frames, results[0]!.frames);
  assertEquals(results[2], results[0]);
  return results[0]!;
}

/** Options of {@link pushed}. */
export interface PushedOptions extends SplitOptions {
  /**
   * Whether each buffer is given back at once, filled with bytes that look like a marker.
   * @default {true}
   */
  release?: boolean;
}

/** Splits a source by `pushTo`. Returns copies of the images, and what was seen of their headers. */
export async function pushed(
  source: ByteSource | AsyncIterable<Bytes>,
  { release = true, ...options }: PushedOptions = {},
): Promise<{ frames: Jpeg[]; headers: SeenHeader[]; counts: SplitCounts }> {
  const frames: Jpeg[] = [];
  const headers: SeenHeader[] = [];
  const images = splitJpegs(source, options);
  await images.pushTo((jpeg, header) => {
    assertRoom(jpeg);
    frames.push(jpeg.slice());
    headers.push(header);
    if (!release) return;
    new Uint8Array(jpeg.buffer).fill(0xd8).fill(0xff, 0, jpeg.byteOffset + 1);
    releaseFrameBuffer(jpeg);
  });
  return { frames, headers, counts: images.counts };
}

/** Asserts that an image is marked as having headroom, and has it. */
export function assertRoom(frame: Jpeg): void {
  assert(hasHeadroom(frame), "the image is not marked");
  assert(frame.byteOffset >= HEADROOM, `only ${frame.byteOffset} bytes in front`);
  const after = frame.buffer.byteLength - frame.byteOffset - frame.length;
  assert(after >= HEADROOM, `only ${after} bytes after the image`);
}

/** Yields copies of chunks asynchronously. */
export async function* iterated(chunks: Iterable<Uint8Array>): AsyncGenerator<Bytes> {
  for (const chunk of chunks) yield await Promise.resolve(chunk.slice());
}

/** Returns a short text that identifies an image, for readable failures. */
export function digest(image: Uint8Array): string {
  let sum = 7;
  for (const byte of image) sum = (sum * 31 + byte) % 1_000_003;
  return `${image.length} bytes, ${sum}`;
}
