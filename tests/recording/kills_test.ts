import { figure, rounded } from "../faults/figures.ts";
import { needing } from "../parts.ts";
import { Random } from "../random.ts";
import { killRecorders, MAX_PACED } from "./kills.ts";

// 200 kills are in long.ts.

for (
  const [kind, fps, bytes, sound] of [
    ["a paced recorder", 60, 60_000, false],
    ["a paced recorder with sound", 60, 60_000, true],
    ["a busy recorder", 900, 100_000, false],
  ] as const
) {
  Deno.test(
    `${kind} that is killed loses no acknowledged frame`,
    needing("ffprobe"),
    async () => {
      const result = await killRecorders({
        count: 3,
        fps,
        bytes,
        sound,
        random: new Random(Date.now()),
      });
      figure(`3 kills of ${kind}, frames kept`, result.kept);
      if (sound) figure("packets of sound kept", result.packets);
      figure(
        "most frames lost of those that waited",
        result.lost,
        fps <= MAX_PACED ? "2" : "",
      );
      figure("repair of a segment", `${rounded(result.repair)} ms`, "below 1000 ms");
    },
  );
}
