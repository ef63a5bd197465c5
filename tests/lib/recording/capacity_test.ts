import { assertAlmostEquals, assertEquals } from "@std/assert";
import { formatDuration, holdTime } from "../../../lib/recording/capacity.ts";

const HOUR = 3_600_000;

Deno.test("holdTime() divides the capacity by the rates of all cameras", () => {
  const rates = [{ bytesPerSecond: 1e6, fps: 30 }, { bytesPerSecond: 1e6, fps: 5 }];
  assertEquals(holdTime(7.2e9, rates), HOUR);
  assertEquals(holdTime(7.2e9, rates, { maxAge: HOUR / 2, tiers: [] }), HOUR / 2);
});

Deno.test("holdTime() is undefined while nothing is recorded", () => {
  assertEquals(holdTime(1e9, []), undefined);
  assertEquals(holdTime(1e9, [{ bytesPerSecond: 0, fps: 0 }]), undefined);
});

Deno.test("holdTime() counts thinned recordings at their lower rate", () => {
  const rates = [{ bytesPerSecond: 3e6, fps: 30 }, { bytesPerSecond: 1e5, fps: 0.5 }];
  const retention = { maxAge: 1000 * HOUR, tiers: [{ after: HOUR, fps: 1 }] };
  const full = 3600 * 3.1e6;
  assertEquals(holdTime(full / 2, rates, retention), HOUR / 2);
  // After an hour, the fast camera keeps a thirtieth, the slow one all.
  assertAlmostEquals(holdTime(full + 3600 * 2e5 * 10, rates, retention)!, 11 * HOUR, 1);
  assertEquals(holdTime(1e15, rates, retention), 1000 * HOUR);
});

Deno.test("formatDuration() has the two largest units", () => {
  const texts = [0, 999, 1_000, 59_999, 60_000, 61_000, 22_800_000, 7_200_000, 86_400_000 * 3.5]
    .map(formatDuration);
  assertEquals(texts, [
    "0 s",
    "0 s",
    "1 s",
    "59 s",
    "1 min",
    "1 min 1 s",
    "6 h 20 min",
    "2 h",
    "3 d 12 h",
  ]);
});
