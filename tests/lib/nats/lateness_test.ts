import { assert, assertEquals, assertFalse } from "@std/assert";
import { Baseline, LateFrames } from "../../../lib/nats/lateness.ts";

/** A difference between the clocks, in milliseconds. */
const OFFSET = -123_456;
const frame = { excess: 5, turnaround: 30, wasAlone: true, interval: 33 };

Deno.test("Baseline is the least delay, whatever the difference of the clocks", () => {
  const baseline = new Baseline();
  baseline.add(OFFSET + 100, 0);
  baseline.add(OFFSET, 10);
  baseline.add(OFFSET + 50, 20);
  assertEquals(Math.round(baseline.excess(OFFSET + 5_000, 20)), 5_000);
  assertEquals(baseline.excess(OFFSET - 10, 20), 0);
});

Deno.test("Baseline follows clocks that drift apart", () => {
  const baseline = new Baseline();
  for (let now = 0; now <= 3_600_000; now += 2_000) {
    baseline.addBeat(OFFSET + now * 1e-4, now); // 100 ppm
  }
  assert(baseline.excess(OFFSET + 360, 3_600_000) < 1);
});

Deno.test("Baseline adopts the delay of regular beats, not that of a burst", () => {
  const burst = new Baseline();
  burst.addBeat(OFFSET, 0);
  for (let i = 0; i < 5; i++) burst.addBeat(OFFSET + 10_000 - 2_000 * i, 12_000 + i);
  burst.adoptSteady(12_010);
  assert(burst.excess(OFFSET + 5_000, 12_010) > 4_900);

  const suspended = new Baseline();
  suspended.addBeat(OFFSET, 0);
  for (let i = 1; i <= 3; i++) {
    suspended.adoptSteady(2_000 * i);
    assert(suspended.excess(OFFSET + 3_600_000, 2_000 * i) > 3_599_000);
    suspended.addBeat(OFFSET + 3_600_000 + 10 * i, 2_000 * i);
  }
  suspended.adoptSteady(6_000);
  assertEquals(suspended.excess(OFFSET + 3_600_010, 6_000), 0);
});

Deno.test("LateFrames drops what exceeds the usual time by more than 400 ms", () => {
  const late = new LateFrames();
  for (let i = 0; i < 20; i++) assertFalse(late.add(frame));
  assertFalse(late.add({ ...frame, excess: 430 }));
  assert(late.add({ ...frame, excess: 450 }));
  assert(late.add({ ...frame, excess: 5_000, turnaround: 5_000, wasAlone: false }));
  assertFalse(late.add(frame));
});

Deno.test("LateFrames accepts the frames of a thin link from the first one", () => {
  const late = new LateFrames();
  const thin = { ...frame, excess: 4_560, turnaround: 4_600 };
  for (let i = 0; i < 20; i++) assertFalse(late.add({ ...thin, excess: 4_560 + i }));
  assert(late.add({ ...thin, excess: 9_000, turnaround: 9_000 }));
  assertFalse(late.add(thin));
});

Deno.test("LateFrames drops a first frame that is older than its lane", () => {
  const late = new LateFrames();
  assert(late.add({ ...frame, excess: 5_000, turnaround: 100 }));
  assertFalse(late.add(frame));
});

Deno.test("LateFrames adapts to a link with less bandwidth after two transfers", () => {
  const late = new LateFrames();
  for (let i = 0; i < 20; i++) late.add(frame);
  const slow = { ...frame, excess: 4_560, turnaround: 4_600 };
  assert(late.add({ ...slow, wasAlone: false }));
  assert(late.add(slow));
  assert(late.add({ ...slow, wasAlone: false }));
  assertFalse(late.add({ ...slow, excess: 4_700 }));
  assertFalse(late.add(slow));
});

Deno.test("LateFrames does not take two pauses of a link for less bandwidth", () => {
  const late = new LateFrames();
  for (let i = 0; i < 20; i++) late.add(frame);
  const paused = { ...frame, excess: 5_000, turnaround: 5_000 };
  for (let i = 0; i < 5; i++) {
    assert(late.add(paused));
    assertFalse(late.add(frame)); // after the pause, frames are fast again
  }
  assert(late.add({ ...paused, excess: 2_000, turnaround: 2_000 }));
  assert(late.add(paused)); // no transfer takes 2 s and then 5 s
  assert(late.add({ ...paused, turnaround: 100 })); // captured before its lane was open
});

Deno.test("LateFrames allows the newest frame of a slow camera to be as old as its interval", () => {
  const late = new LateFrames();
  const slow = { ...frame, excess: 9_000, turnaround: 10, interval: 10_000 };
  for (let i = 0; i < 3; i++) assertFalse(late.add(slow));
  assert(new LateFrames().add({ ...slow, interval: 33 }));
});
