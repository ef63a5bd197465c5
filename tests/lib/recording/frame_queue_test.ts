import { assert, assertEquals, assertFalse } from "@std/assert";
import { FrameQueue } from "../../../lib/recording/frame_queue.ts";
import { MemoryLimit } from "../../../lib/recording/memory_limit.ts";
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

Deno.test("FrameQueues share a limit of memory, and give back what they do not need", () => {
  const memory = new MemoryLimit(1_000);
  const [first, second] = [new FrameQueue(800, memory), new FrameQueue(800, memory)];
  const frame = { jpeg: new Uint8Array(400), monotonic: 0, offset: 0 };
  assertEquals([first.offer(frame), first.offer(frame), first.offer(frame)], [true, true, false]);
  assertEquals([second.offer(frame), memory.bytes], [false, 800]);
  first.remove(1);
  assertEquals([second.offer(frame), memory.bytes], [true, 800]);
  first.remove(5); // more than there are
  second.remove(1);
  assertEquals([first.bytes, second.bytes, memory.bytes], [0, 0, 0]);
});
