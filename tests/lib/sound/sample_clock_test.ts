import { assert, assertEquals, assertLess } from "@std/assert";
import { SampleClock } from "../../../lib/sound/sample_clock.ts";

const RATE = 24_000;

interface Card {
  /** Error of its clock, in parts per million. */
  readonly ppm: number;
  /** Maximum duration of a burst of samples, in milliseconds. */
  readonly burst: number;
  readonly minutes: number;
  /** Durations of samples that are lost, in milliseconds, by the second in which that happens. */
  readonly gaps?: Readonly<Record<number, number>>;
}

/** Simulates a capture, and returns the errors of the stamps. */
function simulate({ ppm, burst, minutes, gaps = {} }: Card) {
  let seed = 1;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  const clock = new SampleClock(RATE);
  const period = 1_000 / RATE / (1 + ppm / 1e6); // true duration of a sample
  const lost = new Map(Object.entries(gaps).map(([second, ms]) => [Number(second), ms]));
  const errors: { at: number; error: number }[] = [];
  let heard = 5_000, now = 5_000; // true time of the next sample
  while (now < 5_000 + minutes * 60_000) {
    const second = Math.floor((heard - 5_000) / 1_000);
    heard += lost.get(second) ?? 0;
    lost.delete(second);
    const samples = Math.round((2 + random() * (burst - 2)) / 1_000 * RATE);
    // A card delivers a burst when it is complete; the system may delay it.
    now = Math.max(now, heard + samples * period + random() ** 2 * burst);
    const stamp = clock.arrive(samples, now);
    errors.push({ at: now - 5_000, error: stamp - heard });
    heard += samples * period;
  }
  return { errors, jumps: clock.jumps };
}

/** The largest error after the first second, in milliseconds. */
function worst(errors: { at: number; error: number }[], from = 1_000, to = Infinity): number {
  return Math.max(
    ...errors.filter(({ at }) => at > from && at < to).map(({ error }) => Math.abs(error)),
  );
}

for (const ppm of [-500, 0, 500]) {
  Deno.test(`SampleClock stamps an hour of a card with ${ppm} ppm and bursts to 60 ms within 15 ms`, () => {
    const { errors, jumps } = simulate({ ppm, burst: 60, minutes: 60 });
    assert(errors.length > 100_000);
    // `Math.max(...errors)` would exceed the maximum number of arguments.
    let most = 0;
    for (const { at, error } of errors) if (at > 1_000) most = Math.max(most, Math.abs(error));
    assertLess(most, 15);
    assertEquals(jumps, 0);
  });
}

Deno.test("SampleClock jumps once for each gap, and is right again a second later", () => {
  const gaps = { 20: 100, 40: 400, 60: 2_000 };
  const { errors, jumps } = simulate({ ppm: 200, burst: 20, minutes: 2, gaps });
  assertEquals(jumps, 3);
  for (const second of [20, 40, 60]) {
    const gap = gaps[second as keyof typeof gaps];
    assertLess(worst(errors, second * 1_000 + gap + 1_500, second * 1_000 + 15_000), 15);
  }
});

Deno.test("SampleClock does not jump when this machine stalls and reads the samples later", () => {
  const clock = new SampleClock(RATE);
  let now = 0;
  const stamps: number[] = [];
  for (let chunk = 0; chunk < 1_000; chunk++) {
    // Between 5 s and 6 s nothing is read; then all is read at once.
    now = Math.max(now, (chunk + 1) * 20);
    if (now > 5_000 && now < 6_000) now = 6_000;
    stamps.push(clock.arrive(480, now));
  }
  assertEquals(clock.jumps, 0);
  for (const [chunk, stamp] of stamps.entries()) assertLess(Math.abs(stamp - chunk * 20), 15);
});

Deno.test("SampleClock takes the earliest arrival at the start at once", () => {
  const clock = new SampleClock(1_000);
  assertEquals(clock.arrive(10, 1_050), 1_040); // heard from 1000, 40 ms late
  assertEquals(clock.arrive(10, 1_020), 1_010);
});
