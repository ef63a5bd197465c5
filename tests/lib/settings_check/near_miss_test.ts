import { assertEquals } from "@std/assert";
import { editDistance, nearest } from "../../../lib/settings_check/near_miss.ts";

Deno.test("editDistance() counts insertions, deletions, substitutions and transpositions", () => {
  for (
    const [a, b, distance] of [
      ["", "", 0],
      ["CAMERA", "CAMERA", 0],
      ["CAMREA", "CAMERA", 1],
      ["CAMER", "CAMERA", 1],
      ["CAMMERA", "CAMERA", 1],
      ["KAMERA", "CAMERA", 1],
      ["PATH", "AUTH", 2],
      ["", "FPS", 3],
    ] as const
  ) assertEquals([a, b, editDistance(a, b), editDistance(b, a)], [a, b, distance, distance]);
});

Deno.test("nearest() returns the nearest name, and undefined for another word", () => {
  const names = ["PORT", "HOST", "FPS"];
  assertEquals(
    ["PROT", "HOSTS", "POST", "GPS", "GHOST", "HOST_NAME"].map((name) => nearest(name, names)),
    [
      "PORT",
      "HOST",
      ...[undefined, undefined, undefined, undefined],
    ],
  );
});
