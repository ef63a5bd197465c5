import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { limitFps } from "../../lib/limit_fps.ts";
import { Random } from "../random.ts";

/** Arrival times of a camera's frames, each late by up to `jitter`, in milliseconds. */
function times(fps: number, seconds: number, jitter = 0): number[] {
  const random = new Random(1);
  const start = Date.UTC(2026, 0, 1);
  return Array.from(
    { length: fps * seconds },
    (_, n) => start + Math.round(n * 1000 / fps) + random.integer(0, jitter),
  );
}

function limited(fps: number, all: number[]): number[] {
  const wanted = limitFps(fps);
  return all.filter((monotonic) => wanted({ monotonic }));
}

function gaps(all: number[]): number[] {
  return all.slice(1).map((time, n) => time - all[n]!);
}

Deno.test("limitFps() evenly reduces 30 frames per second to 10", () => {
  assertEquals(new Set(gaps(limited(10, times(30, 60)))), new Set([100]));
});

Deno.test("limitFps() keeps the same frames when they jitter", () => {
  const exact = limited(10, times(30, 60));
  const jittery = limited(10, times(30, 60, 15));
  assertEquals(jittery.length, exact.length);
  for (const [n, time] of jittery.entries()) assert(Math.abs(time - exact[n]!) <= 15);
});

Deno.test("limitFps() reaches rates that are no divisor of the camera's", () => {
  for (
    const [camera, fps] of [[30, 20], [30, 25], [30, 29], [25, 10], [60, 7], [30, 0.5]] as const
  ) {
    for (const jitter of [0, 4]) {
      const count = limited(fps, times(camera, 100, jitter)).length;
      assertAlmostEquals(count, fps * 100, 2, `${camera} fps for ${fps}`);
    }
  }
});

Deno.test("limitFps() keeps every frame of a camera that is not faster than the limit", () => {
  for (const fps of [30, 31, 60, 240]) {
    for (const jitter of [0, 3, 8]) {
      assertEquals(limited(fps, times(30, 60, jitter)).length, 30 * 60, `${fps}, ${jitter} ms`);
    }
  }
});

Deno.test("limitFps() keeps the first frame, and the first one after a pause, without catching up", () => {
  const before = times(30, 1);
  const after = times(30, 10).map((time) => time + 3_600_000);
  const kept = limited(10, [...before, ...after]);
  assertEquals(kept[0], before[0]);
  assertEquals(kept[10], after[0]);
  assertEquals(kept.length, 10 + 100);
});

Deno.test("limitFps() does not depend on the wall clock", () => {
  const wanted = limitFps(10);
  const start = Date.UTC(2026, 0, 1);
  const kept = times(30, 10).flatMap((monotonic, n) => {
    const capturedAt = start + (n < 150 ? n : -n) * 1_000_000; // jumps forward and back with each frame
    const frame = { capturedAt, monotonic };
    return wanted(frame) ? [n] : [];
  });
  assertEquals(kept, Array.from({ length: 100 }, (_, n) => 3 * n));
});
