/**
 * Records two frames per second of a manual clock, with a mark each second, until it is killed:
 * `marks_child.ts FOLDER START COUNT`. Prints "mark TIME" when a mark is stored.
 */
import { writeSync } from "node:fs";
import { RecordingInProcess, SteppedClock } from "./in_process.ts";

const [root = "", start = "0", count = "3000"] = Deno.args;
const clock = new SteppedClock(Number(start));
await using recording = await RecordingInProcess.start(root, clock);
for (let i = 0; i < Number(count); i++) {
  await recording.record(1, 200);
  const at = clock.now();
  await recording.marks.add("front", { at, label: "layer", before: 0, after: 0, keep: false });
  writeSync(1, `mark ${at}\n`);
  await recording.record(1, 800);
}
writeSync(1, "done\n");
await new Promise((resolve) => setTimeout(resolve, 60_000)); // until it is killed
