import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { FrameRate, limitFps } from "../../../lib/camera/frame_rate.ts";
import { Random } from "../../random.ts";

/** The times of a camera's frames in milliseconds, each late by up to `jitter`. */
function times(fps: number, seconds: number, jitter = 0): number[] {
  const random = new Random(1);
  const start = Date.UTC(2026, 0, 1);
  return Array.from(
    { length: fps * seconds },
    (_, n) => start + Math.round(n * 1000 / fps) + random.integer(0, jitter),
  );
}

function thinned(fps: number, all: number[]): number[] {
  const wanted = limitFps(fps);
  const jpeg = new Uint8Array(0);
  return all.filter((capturedAt, n) => wanted({ jpeg, capturedAt, sequence: n + 1 }));
}

function gaps(all: number[]): number[] {
  return all.slice(1).map((time, n) => time - all[n]!);
}

Deno.test("thin() takes every third of 30 frames a second for 10, evenly", () => {
  assertEquals(new Set(gaps(thinned(10, times(30, 60)))), new Set([100]));
});

Deno.test("thin() keeps the same frames when they jitter", () => {
  const exact = thinned(10, times(30, 60));
  const jittery = thinned(10, times(30, 60, 15));
  assertEquals(jittery.length, exact.length);
  for (const [n, time] of jittery.entries()) assert(Math.abs(time - exact[n]!) <= 15);
});

Deno.test("thin() gives as many frames as were asked for where the rates do not divide", () => {
  for (
    const [camera, fps] of [[30, 20], [30, 25], [30, 29], [25, 10], [60, 7], [30, 0.5]] as const
  ) {
    for (const jitter of [0, 4]) {
      const count = thinned(fps, times(camera, 100, jitter)).length;
      assertAlmostEquals(count, fps * 100, 2, `${camera} fps for ${fps}`);
    }
  }
});

Deno.test("thin() keeps every frame of a camera that is no faster than was asked for", () => {
  for (const fps of [30, 31, 60, 240]) {
    for (const jitter of [0, 3, 8]) {
      assertEquals(thinned(fps, times(30, 60, jitter)).length, 30 * 60, `${fps}, ${jitter} ms`);
    }
  }
});

Deno.test("thin() takes the first frame, and the first after a silence, without catching up", () => {
  const before = times(30, 1);
  const after = times(30, 10).map((time) => time + 3_600_000);
  const taken = thinned(10, [...before, ...after]);
  assertEquals(taken[0], before[0]);
  assertEquals(taken[10], after[0]);
  assertEquals(taken.length, 10 + 100);
});

Deno.test("thin() goes on at once when the clock is set, forth or back", () => {
  for (const step of [-3_600_000, -5_000, 5_000, 3_600_000]) {
    const all = times(30, 10).map((time, n) => n < 150 ? time : time + step);
    const kept = thinned(10, all);
    assertAlmostEquals(kept.length, 100, 1, `${step}`);
    assertEquals(kept[50], all[150], `${step}`);
  }
});

Deno.test("thin() is held up by no more than three intervals when the clock is set back a little", () => {
  const all = times(30, 10).map((time, n) => n < 150 ? time : time - 200);
  const taken = thinned(10, all).length;
  assert(taken >= 97 && taken <= 101, `${taken}`);
});

Deno.test("FrameRate measures a steady camera, fast or slow", () => {
  for (const fps of [0.2, 1, 15, 29.97, 120]) {
    const rate = new FrameRate();
    let now = 1_000;
    for (let n = 0; n < 200; n++) rate.add(now += 1_000 / fps);
    assertAlmostEquals(rate.at(now), fps, fps / 1_000);
    assertAlmostEquals(rate.at(now + 900 / fps), fps, fps / 1_000);
  }
});

Deno.test("FrameRate forgets what is more than some seconds ago", () => {
  const rate = new FrameRate();
  let now = 0;
  for (let n = 0; n < 300; n++) rate.add(now += 33);
  for (let n = 0; n < 11; n++) rate.add(now += 500);
  assertAlmostEquals(rate.at(now), 2, 0.01);
});

Deno.test("FrameRate falls while there are no frames, down to 0", () => {
  const rate = new FrameRate();
  for (let now = 0; now <= 3_000; now += 100) rate.add(now);
  const silence = [3_000, 3_400, 4_000, 6_000, 8_001].map((now) => rate.at(now));
  assertEquals(silence[0], 10);
  for (const [n, fps] of silence.slice(1).entries()) assertLess(fps, silence[n]!);
  assertEquals(silence.at(-1), 0);
});

Deno.test("FrameRate knows none without two frames, and after clear()", () => {
  const rate = new FrameRate();
  assertEquals(rate.at(1_000), 0);
  rate.add(1_000);
  assertEquals(rate.at(1_000), 0);
  rate.add(1_100);
  assertAlmostEquals(rate.at(1_100), 10, 0.001);
  rate.clear();
  assertEquals(rate.at(1_200), 0);
});
