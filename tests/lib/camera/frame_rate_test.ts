import { assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { FrameRate } from "../../../lib/camera/frame_rate.ts";

Deno.test("FrameRate measures a steady camera, fast or slow", () => {
  for (const fps of [0.2, 1, 15, 29.97, 120]) {
    const rate = new FrameRate();
    let now = 1_000;
    for (let n = 0; n < 200; n++) rate.add(now += 1_000 / fps);
    assertAlmostEquals(rate.at(now), fps, fps / 1_000);
    assertAlmostEquals(rate.at(now + 900 / fps), fps, fps / 1_000);
  }
});

Deno.test("FrameRate ignores frames older than its window", () => {
  const rate = new FrameRate();
  let now = 0;
  for (let n = 0; n < 300; n++) rate.add(now += 33);
  for (let n = 0; n < 11; n++) rate.add(now += 500);
  assertAlmostEquals(rate.at(now), 2, 0.01);
});

Deno.test("FrameRate falls to 0 while there are no frames", () => {
  const rate = new FrameRate();
  for (let now = 0; now <= 3_000; now += 100) rate.add(now);
  const silence = [3_000, 3_400, 4_000, 6_000, 8_001].map((now) => rate.at(now));
  assertEquals(silence[0], 10);
  for (const [n, fps] of silence.slice(1).entries()) assertLess(fps, silence[n]!);
  assertEquals(silence.at(-1), 0);
});

Deno.test("FrameRate is 0 with fewer than two frames, and after clear()", () => {
  const rate = new FrameRate();
  assertEquals(rate.at(1_000), 0);
  rate.add(1_000);
  assertEquals(rate.at(1_000), 0);
  rate.add(1_100);
  assertAlmostEquals(rate.at(1_100), 10, 0.001);
  rate.clear();
  assertEquals(rate.at(1_200), 0);
});
