import { assert, assertEquals } from "@std/assert";
import { ActivityMeter } from "../../../lib/recording/activity.ts";

Deno.test("ActivityMeter tells a moving object from noise", () => {
  const digits = measure(({ random, second }) =>
    60_000 + 300 * random() + (second >= 40 && second < 43 ? 12_000 : 0)
  );
  assert(digits.filter((_, i) => i < 40 || i > 60).every((digit) => digit <= 1), `${digits}`);
  assert(digits.slice(40, 43).every((digit) => digit >= 6), `${digits}`);
});

Deno.test("ActivityMeter gets used to another size", () => {
  const digits = measure(({ random, second }) => (second < 30 ? 60_000 : 90_000) + 300 * random());
  assert(digits[30]! >= 6);
  assert(digits.slice(50).every((digit) => digit <= 1), `${digits}`);
});

Deno.test("ActivityMeter says 0 for frames that are all the same", () => {
  assert(measure(() => 50_000).every((digit) => digit === 0));
});

Deno.test("ActivityMeter says - without a frame", () => {
  const meter = new ActivityMeter();
  assertEquals(meter.take(), "-");
  meter.add(1_000, 0);
  assertEquals([meter.digit, meter.take(), meter.digit], ["0", "0", "-"]);
});

/** Digits of 70 s at 30 fps. */
function measure(size: (frame: { random: () => number; second: number }) => number): number[] {
  const meter = new ActivityMeter();
  let seed = 1;
  const random = () => (seed = seed * 16_807 % 2_147_483_647) / 2_147_483_647 * 2 - 1;
  return Array.from({ length: 70 }, (_, second) => {
    for (let i = 0; i < 30; i++) meter.add(size({ random, second }), second * 1_000 + i * 33);
    return Number(meter.take());
  });
}
