import type { Jpeg } from "../../lib/frame.ts";
import { splitJpegs } from "../../lib/jpeg/split.ts";
import { unstuff } from "../../lib/pixels/entropy_data.ts";
import { Editor } from "../../lib/pixels/editor.ts";
import { HeaderReader } from "../../lib/pixels/header_reader.ts";
import { blockTablesOf, skipMcus } from "../../lib/pixels/mcu_walk.ts";
import { UPRIGHT } from "../../lib/pixels/orientation.ts";
import { Retabler } from "../../lib/pixels/retabler.ts";
import type { EditTask, Overlay } from "../../lib/pixels/task.ts";
import { ffmpeg } from "../ffmpeg.ts";
import { isInstalled } from "../parts.ts";

/** Interval of frames at 30 fps: the text changes with each thirtieth. */
const INTERVAL = 1000 / 30;

// An iteration is one frame of 1280x720 and 114 KB, as in the benchmark of the server; with tables
// for each frame, as ffmpeg makes them, it has 91 KB.
if (!isInstalled("ffmpeg")) console.log("Left out: the frames of pixels_bench.ts need ffmpeg");
else {
  for (const tables of ["standard", "optimised"] as const) {
    benchmark(tables, await makeFrames(tables));
  }
}

function benchmark(tables: "standard" | "optimised", frames: readonly Jpeg[]): void {
  const group = `${tables} Huffman tables`;
  let next = 0, time = 0;
  const frame = () => frames[next++ % frames.length]!;

  const reader = new HeaderReader();
  let data: ReturnType<typeof unstuff> | undefined;
  Deno.bench(`read all codes, ${tables} tables`, { group }, () => {
    const jpeg = frame();
    const read = reader.read(jpeg);
    if ("refused" in read) throw new Error(read.refused);
    const { baseline } = read.header;
    data = unstuff(jpeg, read.data, data);
    const count = baseline.mcusX * baseline.mcusY, end = data.length * 8;
    const blocks = blockTablesOf(baseline);
    if (skipMcus(data.view, 0, blocks, new Int32Array(3), { count, end }) < 0) throw new Error();
  });

  for (const [name, task] of Object.entries(tasks())) {
    const editor = new Editor(task);
    const baseline = name === "text at the top";
    Deno.bench(`${name}, ${tables} tables`, { group, baseline }, () => {
      const result = editor.process(frame(), time += INTERVAL);
      if ("refused" in result) throw new Error(result.refused);
    });
  }

  const retabler = new Retabler();
  Deno.bench(`replace all tables, ${tables} tables`, { group }, () => {
    const jpeg = frame(), read = reader.read(jpeg);
    if ("refused" in read || "refused" in retabler.retable(jpeg, read)) throw new Error();
  });
}

function tasks(): Record<string, EditTask> {
  const text: Overlay = { text: "%name %date %time", place: "top", camera: "front" };
  const box = (bottom: number) => [{ left: 12, top: 0, right: 37, bottom }];
  const task = (changes: Partial<EditTask>): EditTask => ({
    ...{ type: "edit", orientation: UPRIGHT, mask: [], overlay: undefined },
    ...changes,
  });
  return {
    "text at the top": task({ overlay: text }),
    "text at the bottom": task({ overlay: { ...text, place: "bottom" } }),
    "mask to 30 % of the height": task({ mask: box(30) }),
    "mask to 70 % of the height": task({ mask: box(70) }),
    "mask to 70 %, text at the top": task({ mask: box(70), overlay: text }),
    "mask to 70 %, text at the bottom": task({
      mask: box(70),
      overlay: { ...text, place: "bottom" },
    }),
  };
}

async function makeFrames(tables: "standard" | "optimised"): Promise<Jpeg[]> {
  const picture = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30"];
  const filter = ["-vf", "noise=alls=10:allf=t,format=yuvj420p"];
  const codec = [
    "-c:v",
    "mjpeg",
    "-huffman",
    tables === "standard" ? "default" : "optimal",
    "-q:v",
    "6",
  ];
  const { output } = await ffmpeg([
    ...[...picture, ...filter, ...codec],
    ...["-frames:v", "30", "-f", "mjpeg", "pipe:1"],
  ]);
  return Array.fromAsync(splitJpegs(new Blob([output]).stream()));
}
