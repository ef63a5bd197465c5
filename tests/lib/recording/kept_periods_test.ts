import { assertEquals } from "@std/assert";
import { KeptPeriods } from "../../../lib/recording/kept_periods.ts";

Deno.test("KeptPeriods finds overlaps as a plain list of the periods does", () => {
  let seed = 1;
  const random = (max: number) => (seed = seed * 48_271 % 2_147_483_647) % max;
  for (let round = 0; round < 200; round++) {
    const kept = new KeptPeriods();
    const periods: [number, number][] = [];
    for (let count = random(12); count > 0; count--) {
      const start = random(100);
      const end = start + random(10);
      periods.push([start, end]);
      kept.add(start, end);
    }
    for (let start = -1; start < 112; start++) {
      for (const end of [start, start + 3]) {
        assertEquals(
          kept.overlap(start, end),
          periods.some((period) => period[0] <= end && period[1] >= start),
          `${start} to ${end} of ${JSON.stringify(periods)}`,
        );
      }
    }
  }
});
