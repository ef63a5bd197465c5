import { assertAlmostEquals, assertEquals } from "@std/assert";
import { ageOf, type Beep, BeepDetector, RATE, sampleAt } from "./beeps.ts";

for (const age of [-20, 0, 70, 480, 2_300]) {
  Deno.test(`BeepDetector finds beeps that are ${age} ms old`, () => {
    const begin = 1_800_000_000_650;
    const beeps: Beep[] = [];
    const detector = new BeepDetector(RATE, (beep) => beeps.push(beep));
    const size = RATE / 100;
    for (let time = begin; time < begin + 10_000; time += 10) {
      const samples = Int16Array.from(
        { length: size },
        (_, i) => sampleAt(time - age + i / RATE * 1_000),
      );
      detector.add(samples, time);
    }
    assertEquals(beeps.length, 10);
    for (const beep of beeps) assertAlmostEquals(ageOf(beep), age, 1);
  });
}

Deno.test("BeepDetector ignores quiet noise", () => {
  let seed = 1;
  const noise = Int16Array.from({ length: RATE }, () => {
    seed = seed * 48_271 % 0x7fffffff;
    return seed % 2_000 - 1_000;
  });
  new BeepDetector(RATE, (beep) => {
    throw new Error(JSON.stringify(beep));
  }).add(noise, 0);
});
