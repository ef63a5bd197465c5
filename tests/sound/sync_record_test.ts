import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import type { HeardBeep } from "./beep_processes.ts";
import { SETTLING_TIME, SyncRecord } from "./sync.ts";

const SECOND = 1_000;
const BEGIN = 1_800_000_000_000;

/** The seen flashes and heard beeps of ten seconds. */
function recordOf(
  flashAge: (i: number) => number | undefined,
  beepAge: (i: number) => number,
): SyncRecord {
  const at = (i: number, age: number) => ({ time: BEGIN + i * SECOND + age, age });
  const seconds = Array.from({ length: 10 }, (_, i) => i);
  const beeps: HeardBeep[] = seconds.map((i) => at(i, beepAge(i)));
  const record = new SyncRecord(beeps);
  record.add({
    flashes: seconds.flatMap((i) => {
      const age = flashAge(i);
      return age === undefined ? [] : [at(i, age)];
    }),
    jumps: [],
    pictures: 300,
    buffers: 500,
    firstBuffer: BEGIN,
  });
  return record;
}

Deno.test("SyncRecord compares the beep and the flash of the same second", () => {
  const record = recordOf((i) => 20 + i, (i) => 70 + 2 * i);
  assertEquals(record.pairs(BEGIN).map(({ sync }) => sync), [
    50,
    51,
    52,
    53,
    54,
    55,
    56,
    57,
    58,
    59,
  ]);
  const { n, p50, within } = record.distribution(BEGIN);
  assertEquals([n, p50], [10, 54]);
  assertEquals(within, [100, 100]);
});

Deno.test("SyncRecord recognizes sound that is late by seconds, and sound that is early", () => {
  assertEquals(recordOf(() => 20, () => 2_070).pairs(BEGIN + 2 * SECOND)[0]!.sync, 2_050);
  const early = recordOf(() => 30, () => -40);
  assertEquals(early.distribution(BEGIN).p50, -70);
  assertEquals(early.distribution(BEGIN).within, [0, 0]);
});

Deno.test("SyncRecord reports a period only, and its share within the limits", () => {
  const record = recordOf(() => 20, (i) => i < 5 ? 70 : 120);
  assertEquals(record.distribution(BEGIN + 5 * SECOND).p50, 100);
  assertEquals(record.distribution(BEGIN, BEGIN + 5 * SECOND).p50, 50);
  assertEquals(record.distribution(BEGIN).within, [50, 100]);
  assertStringIncludes(record.describe(BEGIN), "n = 10; within -20…80: 50.0 %");
});

Deno.test("SyncRecord ignores seconds without a flash, and jumps before the sound has settled", () => {
  const record = recordOf((i) => i === 3 ? undefined : 20, () => 70);
  assertEquals(record.pairs(BEGIN).length, 9);
  const jump = (after: number) => ({ time: BEGIN + after, by: 30 });
  record.add({
    flashes: [],
    jumps: [jump(SETTLING_TIME - 1), jump(SETTLING_TIME + 1)],
    pictures: 0,
    buffers: 0,
    firstBuffer: BEGIN + 9 * SECOND,
  });
  assertEquals(record.jumpsAfterSettling(), [jump(SETTLING_TIME + 1)]);
  assertAlmostEquals(record.startedAt, BEGIN);
});
