import { assertEquals } from "@std/assert";
import { DeliveryStats, LATENCY_BUCKETS } from "../../../lib/camera/delivery_stats.ts";

Deno.test("DeliveryStats counts a frame in the bucket of its latency, including the upper bound", () => {
  const sent = new DeliveryStats();
  for (const age of [0, 1, 1.5, 2, 10_000, 10_001, 1e9]) sent.add(100, age);
  const counted = Object.fromEntries(
    sent.buckets.map((count, i) => [LATENCY_BUCKETS[i] ?? "more", count]),
  );
  assertEquals(counted, {
    ...Object.fromEntries(LATENCY_BUCKETS.map((age) => [age, 0])),
    1: 2,
    2: 2,
    10_000: 1,
    more: 2,
  });
  assertEquals([sent.frames, sent.bytes], [7, 700]);
});

Deno.test("DeliveryStats counts a frame from the future with latency 0", () => {
  const sent = new DeliveryStats();
  sent.add(1, -3_600_000);
  assertEquals([sent.buckets[0], sent.totalLatency], [1, 0]);
});
