import { figure, rounded } from "../faults/figures.ts";
import { needing } from "../parts.ts";
import { Random } from "../random.ts";
import { killRecorders, MAX_PACED } from "./kills.ts";

// 200 kills are in long.ts.

for (const [kind, fps, bytes] of [["a paced", 60, 60_000], ["a busy", 900, 100_000]] as const) {
  Deno.test(
    `${kind} recorder that is killed loses no acknowledged frame`,
    needing("ffprobe"),
    async () => {
      const result = await killRecorders({ count: 3, fps, bytes, random: new Random(Date.now()) });
      figure(`3 kills of ${kind} recorder, frames kept`, result.kept);
      figure(
        "most frames lost of those that waited",
        result.lost,
        fps <= MAX_PACED ? "2" : "",
      );
      figure("repair of a segment", `${rounded(result.repair)} ms`, "below 1000 ms");
    },
  );
}
