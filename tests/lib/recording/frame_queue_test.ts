import { assert, assertEquals, assertFalse } from "@std/assert";
import { FrameQueue } from "../../../lib/recording/frame_queue.ts";
import { makeJpeg, numberOf } from "./segment_files.ts";

Deno.test("FrameQueue keeps the order of its frames, within its limit", () => {
  const queue = new FrameQueue(100_000);
  let [next, expected] = [0, 0];
  for (let round = 0; round < 100; round++) {
    while (queue.offer(frame(next))) next++;
    assertEquals([queue.length, queue.bytes], [next - expected, (next - expected) * 100]);
    const frames = queue.peek({ bytes: Infinity, frames: 7 + round * 3 });
    for (const { jpeg } of frames) assertEquals(numberOf(jpeg), expected++);
    queue.remove(frames.length);
  }
  queue.remove(queue.length);
  assertEquals([queue.length, queue.bytes], [0, 0]);
});

Deno.test("FrameQueue.peek returns frames up to a size, but at least one", () => {
  const queue = new FrameQueue(1_000);
  assertEquals(queue.peek({ bytes: 1_000, frames: 9 }), []);
  for (let i = 0; i < 10; i++) assert(queue.offer(frame(i)));
  assertFalse(queue.offer(frame(10)));
  assertEquals(queue.peek({ bytes: 350, frames: 9 }).length, 3);
  assertEquals(queue.peek({ bytes: 50, frames: 9 }).length, 1);
  assertEquals(queue.peek({ bytes: 350, frames: 2 }).length, 2);
});

function frame(number: number) {
  return { jpeg: makeJpeg({ bytes: 100, number }), monotonic: number, offset: 0 };
}
