import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { FrameBuffers, releaseFrameBuffer } from "../../lib/frame_buffers.ts";

Deno.test("FrameBuffers returns a buffer of at least the size, which has no other owner", () => {
  const buffers = new FrameBuffers();
  for (const size of [1, 65_536, 65_537, 1_000_000]) {
    const [one, other] = [buffers.take(size), buffers.take(size)];
    assert(one.length >= size && one.length === one.buffer.byteLength);
    assert(one.buffer !== other.buffer);
  }
});

Deno.test("FrameBuffers returns a buffer again after its image was released, once", () => {
  const buffers = new FrameBuffers();
  const { buffer } = buffers.take(100);
  const image = new Uint8Array(buffer, 20, 30);
  buffers.lend(image);
  assert(buffers.take(100).buffer !== buffer); // still lent
  releaseFrameBuffer(image);
  releaseFrameBuffer(image); // nothing: it is not lent any more
  const again = buffers.take(100);
  assertStrictEquals(again.buffer, buffer);
  assertEquals(again.byteOffset, 0);
  assert(buffers.take(100).buffer !== buffer);
});

Deno.test("releaseFrameBuffer() ignores images of other buffers, and those that were not lent", () => {
  const buffers = new FrameBuffers();
  const image = buffers.take(100);
  releaseFrameBuffer(image);
  releaseFrameBuffer(new Uint8Array(100));
  assert(buffers.take(100).buffer !== image.buffer);
});

Deno.test("releaseFrameBuffer() gives a buffer to the pool that has lent it", () => {
  const [one, other] = [new FrameBuffers(), new FrameBuffers()];
  const image = one.take(100);
  one.lend(image);
  releaseFrameBuffer(image);
  assert(other.take(100).buffer !== image.buffer);
  assertStrictEquals(one.take(100).buffer, image.buffer);
});

Deno.test("FrameBuffers drops buffers that are too small, or were detached", () => {
  const buffers = new FrameBuffers();
  const [small, detached, large] = [buffers.take(100), buffers.take(100), buffers.take(500_000)];
  for (const image of [large, small, detached]) {
    buffers.lend(image);
    releaseFrameBuffer(image);
  }
  detached.buffer.transfer();
  assertStrictEquals(buffers.take(400_000).buffer, large.buffer);
  assert(buffers.take(100).buffer !== small.buffer);
});

Deno.test("FrameBuffers keeps at most three unused buffers", () => {
  const buffers = new FrameBuffers();
  const images = Array.from({ length: 5 }, () => buffers.take(100));
  for (const image of images) {
    buffers.lend(image);
    releaseFrameBuffer(image);
  }
  const given = new Set(images.map(({ buffer }) => buffer));
  const again = images.map(() => buffers.take(100).buffer).filter((buffer) => given.has(buffer));
  assertEquals(again.length, 3);
  assertEquals(new Set(again).size, 3);
});
