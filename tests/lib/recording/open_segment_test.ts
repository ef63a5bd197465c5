import { assertEquals, assertThrows } from "@std/assert";
import { ActivityMeter } from "../../../lib/recording/activity.ts";
import { GrowingSegment } from "../../../lib/recording/open_segment.ts";

const place = { camera: "front", day: "2026-11-27", name: "05-43-33.123Z.mkv" };

Deno.test("GrowingSegment finds each of many frames", () => {
  const segment = create();
  for (let i = 0; i < 1_000; i++) segment.add({ at: 5_000 + i * 33, size: 77, clusterSize: 100 });
  const { index } = segment;
  assertEquals([index.length, segment.frames, segment.end, segment.bytes], [
    ...[1_000, 1_000, 5_000 + 999 * 33, 284 + 100_000],
  ]);
  for (const i of [0, 255, 256, 511, 512, 999]) {
    assertEquals([index.time(i), index.offset(i), index.endOffset(i)], [
      ...[i * 33, 284 + i * 100, 384 + i * 100],
    ]);
  }
  for (const i of [-1, 1_000]) assertThrows(() => index.offset(i), RangeError);
});

Deno.test("GrowingSegment has a digit of activity for each second", () => {
  const segment = create();
  assertEquals([segment.activity, segment.end], ["", 5_000]);
  for (const at of [5_000, 5_999, 6_000, 9_500]) segment.add({ at, size: 77, clusterSize: 100 });
  assertEquals(segment.activity, "00--0");
  assertEquals(segment.toSegment(900), {
    ...{ ...place, number: 7, start: 5_000, end: 9_500, frames: 4, bytes: 900, activity: "00--0" },
  });
});

function create(): GrowingSegment {
  const activity = new ActivityMeter();
  return new GrowingSegment({ place, number: 7, start: 5_000, bytes: 284, activity });
}
