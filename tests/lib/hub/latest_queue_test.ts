import { assertEquals } from "@std/assert";
import { LatestQueue } from "../../../lib/hub/latest_queue.ts";

Deno.test("LatestQueue keeps the newest item and counts those that it replaced", () => {
  let reported = 0;
  const queue = new LatestQueue<number>({ onDropped: () => reported++ });
  assertEquals(queue.take(), undefined);
  for (const item of [1, 2, 3]) queue.offer(item);
  assertEquals([queue.size, queue.dropped, reported], [1, 2, 2]);
  assertEquals([queue.take(), queue.take()], [3, undefined]);
});

Deno.test("LatestQueue keeps the newest items up to its depth, in order", () => {
  const queue = new LatestQueue<number>({ depth: 3 });
  for (const item of [1, 2, 3, 4, 5]) queue.offer(item);
  assertEquals([queue.take(), queue.take(), queue.take(), queue.take()], [3, 4, 5, undefined]);
  assertEquals(queue.dropped, 2);
});

Deno.test("LatestQueue.clear() does not count items as dropped", () => {
  const queue = new LatestQueue<number>();
  queue.offer(1);
  queue.clear();
  queue.offer(2);
  assertEquals([queue.size, queue.dropped], [1, 0]);
});
