import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { playerFor, simulate, SimulatedContext } from "./sound_simulation.ts";
import type { Heard } from "./sound_simulation.ts";

const HOUR = 60;

/** Returns the earliest and the latest sound, against the delay of the player, in milliseconds. */
function rangeOf(heard: readonly Heard[]): { min: number; max: number } {
  let min = Infinity, max = -Infinity;
  for (const { error } of heard) {
    min = Math.min(min, error);
    max = Math.max(max, error);
  }
  return { min, max };
}

/** Share of the packets that arrived too late, in per mille. */
function lateShare({ late }: { late: number }, minutes: number): number {
  return 1_000 * late / (minutes * 3_000);
}

for (const [sourcePpm, outputPpm] of [[500, -500], [-500, 500], [500, 0], [208, 0]] as const) {
  Deno.test(
    `SoundPlayer is in time for an hour, the microphone ${sourcePpm} ppm fast, the loudspeaker ${outputPpm} ppm`,
    () => {
      const { player, heard } = simulate({ minutes: HOUR, sourcePpm, outputPpm, jitter: 10 });
      const { min, max } = rangeOf(heard);
      console.log(`${min.toFixed(1)} … ${max.toFixed(1)} ms, delay ${player.delay.toFixed(0)} ms`);
      assertGreater(heard.length, 179_000);
      assertGreater(min, -15);
      assertLess(max, 15);
      assertEquals(player.jumps, 0);
      assertLess(lateShare(player, HOUR), 1);
      // As little delay as possible: packet, bursts, jitter and loudspeaker take 77 ms.
      assertLess(player.delay, 105);
    },
  );
}

Deno.test("the simulation fails a player that does not correct its speed", () => {
  const { player, heard } = simulate({
    ...{ minutes: 10, sourcePpm: 200, jitter: 10 },
    onPacket(player, i) {
      if (i === 0) Object.defineProperty(player, "error", { get: () => 0, set() {} });
    },
  });
  const { min, max } = rangeOf(heard);
  console.log(`${min.toFixed(1)} … ${max.toFixed(1)} ms, ${player.jumps} jumps`);
  assert(max > 15 || min < -15);
  assertGreater(player.jumps, 0);
});

Deno.test("SoundPlayer finds the delay that a network with 80 ms of jitter needs", () => {
  const { player, heard } = simulate({ minutes: 10, sourcePpm: 200, jitter: 80 });
  const { min, max } = rangeOf(heard);
  console.log(`${min.toFixed(1)} … ${max.toFixed(1)} ms, delay ${player.delay.toFixed(0)} ms`);
  assertGreater(min, -30);
  assertLess(max, 30);
  assertLess(lateShare(player, 10), 10);
  assertLess(player.delay, 170);
});

Deno.test("SoundPlayer goes on after stalls of the main thread, with little more delay", () => {
  const pictureAge = () => 30;
  const conditions = { minutes: 10, sourcePpm: 200, jitter: 10, stall: 100, pictureAge };
  const { player, heard } = simulate(conditions);
  const { min, max } = rangeOf(heard);
  assertGreater(min, -35); // while the delay grows
  assertLess(max, 25);
  // Each stall makes up to five packets late.
  assertLess(lateShare(player, 10), 4);
  assertLess(player.delay, 140);
});

Deno.test("SoundPlayer is in time again within a second after the output has paused", () => {
  const { player, heard } = simulate({ minutes: 1, pauseAt: 30_000 });
  const after = heard.filter(({ at }) => at > 31_000);
  const { min, max } = rangeOf(after);
  assertGreater(after.length, 1_400);
  assertGreater(min, -15);
  assertLess(max, 20); // the speed corrects what the jump has left
  assertLess(player.delay, 110);
});

Deno.test("SoundPlayer is not silent when the output has paused for less than 100 ms", () => {
  for (const [pauseFor, jumps] of [[35, 0], [70, 1]] as const) {
    const { player, heard } = simulate({ minutes: 1, pauseAt: 30_000, pauseFor });
    assertEquals(player.jumps, jumps);
    const after = heard.filter(({ at }) => at > 30_200 && at < 31_200);
    assertGreater(after.length, 48);
    const { min, max } = rangeOf(heard.filter(({ at }) => at > 40_000));
    assertGreater(min, -15);
    assertLess(max, 15);
  }
});

Deno.test("SoundPlayer follows the change to a loudspeaker that is 200 ms later, and back", () => {
  const latency = (time: number) => time > 20_000 && time < 60_000 ? 235 : 35;
  const delays: number[] = [];
  const { heard } = simulate({
    ...{ minutes: 3, latency, pictureAge: () => 30 },
    onPacket: ({ delay }, i) => i % 50 === 0 && delays.push(delay),
  });
  const [late, last] = [heard.filter(({ at }) => at > 22_000 && at < 59_000), delays.at(-1)!];
  assertGreater(late.length, 1_800);
  const { min, max } = rangeOf(late);
  assertGreater(min, -20);
  assertLess(max, 20);
  // The maximum of the delay does not silence a loudspeaker that is late by itself.
  assertGreater(delays[40]!, 260);
  assertLess(delays[40]!, 310);
  assertLess(last, 110);
  assertLess(rangeOf(heard.filter(({ at }) => at > 62_000)).max, 20);
});

Deno.test("SoundPlayer stays within the limits of its delay, and follows them without a jump", () => {
  // The picture becomes later by 60 ms within 30 s, and the packets do not need that.
  const pictureAge = (time: number) => 60 + Math.min(60, Math.max(0, (time - 20_000) / 500));
  const { player, heard } = simulate({ minutes: 2, pictureAge });
  assertEquals(player.delay, 110);
  assertEquals(player.jumps, 0);
  const { min, max } = rangeOf(heard);
  assertGreater(min, -15);
  assertLess(max, 15);
  // With jitter of 300 ms, sound is lost, but the rest belongs to the picture.
  const jittery = simulate({ minutes: 2, jitter: 300, pictureAge: () => 30 });
  assertLess(jittery.player.delay, 170);
  assertGreater(lateShare(jittery.player, 2), 50);
  // It does not become later and later.
  assertLess(rangeOf(jittery.heard).max, 25);
});

Deno.test("SoundPlayer needs no common time base", () => {
  const hours = -3 * 3_600_000;
  const { player, heard } = simulate({ minutes: 1, offset: () => hours });
  assertLess(Math.abs(player.delay + hours - 80), 30);
  const { min, max } = rangeOf(heard);
  assertGreater(min, -15);
  assertLess(max, 15);
});

Deno.test("SoundPlayer leaves a gap where packets are lost", () => {
  const isLost = (i: number) => i % 100 === 0;
  const { player, heard } = simulate({ minutes: 2, isLost });
  const { min, max } = rangeOf(heard);
  assertGreater(min, -15);
  assertLess(max, 15);
  assertEquals(player.jumps, 0);
});

/** Plays 500 packets of a 1 kHz sine at a constant speed. @returns The frames, in sequence. */
function playSine(speed: number): Float32Array {
  let now = 0;
  const context = new SimulatedContext(() => now);
  const frames: number[] = [];
  let next = NaN;
  context.onStart = (start, samples) => {
    if (!Number.isNaN(next)) assertEquals(start, next);
    next = start + samples.length;
    for (const sample of samples) frames.push(sample);
  };
  const player = playerFor(context, () => now);
  for (let i = 0; i < 515; i++) {
    const samples = Int16Array.from(
      { length: 480 },
      (_, k) => Math.round(20_000 * Math.sin(2 * Math.PI * 1_000 * (480 * i + k) / 24_000)),
    );
    // The error that leads to this speed.
    if (i > 0) {
      Object.defineProperty(player, "error", { get: () => 3_000 * (speed - 1), set() {} });
    }
    player.push(20 * i / speed, samples, 24_000);
    now = 20 * (i + 1) / speed;
  }
  assertEquals(player.jumps, 0);
  assertEquals(player.played, 501);
  assertLess(Math.abs(player.speed - speed), 1e-6);
  return Float32Array.from(frames);
}

for (const speed of [1, 1.0002, 0.994, 1.006]) {
  Deno.test(`SoundPlayer plays a sine without a seam between packets, at speed ${speed}`, () => {
    const frames = playSine(speed);
    assertGreater(frames.length, 475_000);
    const amplitude = 20_000 / 32_768;
    const largest = amplitude * 2 * Math.PI * 1_000 * speed / 48_000;
    let step = 0, peak = 0;
    for (let i = 10; i < frames.length; i++) {
      step = Math.max(step, Math.abs(frames[i]! - frames[i - 1]!));
      peak = Math.max(peak, Math.abs(frames[i]!));
    }
    console.log(`largest step ${(step / largest).toFixed(3)} × that of the sine`);
    assertLess(step, 1.02 * largest);
    assertGreater(peak, 0.98 * amplitude);
  });
}

Deno.test("SoundPlayer plays nothing while the context is suspended, and what arrives later", () => {
  let now = 0, started = 0;
  const context = new SimulatedContext(() => now);
  context.onStart = () => started++;
  const player = playerFor(context, () => now);
  const push = (packets: number) => {
    for (let i = 0; i < packets; i++, now += 20) player.push(now - 25, new Int16Array(480), 24_000);
  };
  push(40);
  assertGreater(started, 10);
  context.state = "suspended";
  started = 0;
  push(100);
  assertEquals(started, 0);
  context.state = "running";
  push(40);
  assertGreater(started, 10);
  assertLess(started, 30); // not those that arrived before
});
