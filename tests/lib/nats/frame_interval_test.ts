import { assertEquals } from "@std/assert";
import { FrameInterval } from "../../../lib/nats/frame_interval.ts";

Deno.test("FrameInterval measures a camera of which not all frames arrive", () => {
  const interval = new FrameInterval();
  assertEquals(interval.ms, undefined);
  for (const sequence of [5, 6, 13, 20, 21]) interval.add({ sequence, monotonic: 40 * sequence });
  assertEquals(interval.ms, 40);
  interval.reset();
  assertEquals(interval.ms, undefined);
});

Deno.test("FrameInterval ignores pauses, and follows a lower frame rate", () => {
  const interval = new FrameInterval();
  let [sequence, monotonic] = [0, 0];
  const add = (ms: number) => interval.add({ sequence: ++sequence, monotonic: monotonic += ms });
  for (const ms of [33, 33, 33, 8_000, 33, 5_000]) add(ms);
  assertEquals(interval.ms, 33);
  for (let i = 0; i < 9; i++) add(200);
  assertEquals(interval.ms, 200);
});

Deno.test("FrameInterval survives nonsense", () => {
  const interval = new FrameInterval();
  const frames = [[1, 10], [1, 20], [5, 5], [2, 50], [3, Number.MAX_VALUE], [4, 1]] as const;
  for (const [sequence, monotonic] of frames) interval.add({ sequence, monotonic });
  assertEquals(Number.isNaN(interval.ms), false);
});
