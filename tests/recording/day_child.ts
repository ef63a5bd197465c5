/**
 * Records hours of a manual clock as fast as the disk takes them: `day_child.ts FOLDER HOURS`.
 * Prints a line of JSON for each hour: see {@link Hour}. Needs `--v8-flags=--expose-gc`.
 */
import { RecordingInProcess, SteppedClock } from "./in_process.ts";

/** The process after an hour of recording. */
export interface Hour {
  /** Live objects, in megabytes. */
  readonly heap: number;
  /** The fewest within {@link SETTLING}: some files are open for moments only. */
  readonly descriptors: number;
  readonly segments: number;
  /** Size of all files, as the library counts them, in bytes. */
  readonly bytes: number;
  /** Size of all files, in bytes: without and with copies that thinning is writing. */
  readonly onDisk: number;
  readonly withCopies: number;
  readonly dropped: number;
  /** Warnings and errors in the log. */
  readonly warnings: number;
}

/** `RECORD_MAX` and `RETENTION`: the size limits first, and old segments are thinned. */
export const LIMITS = { max: 900_000, retention: "10m,1h@0.1,5h@0.05" };
/** Time between two frames, in milliseconds: just enough for a segment each minute. */
const INTERVAL = 1_900;
/** Time in which writes that have begun are finished while the clock stands still, in milliseconds. */
const SETTLING = 500;

if (import.meta.main) {
  const [root = "", hours = "24"] = Deno.args;
  const clock = new SteppedClock(Date.UTC(2026, 10, 27, 20));
  await using recording = await RecordingInProcess.start(root, clock, LIMITS);
  for (let hour = 0; hour < Number(hours); hour++) {
    await recording.record(Math.round(3_600_000 / INTERVAL), INTERVAL);
    const { library, recorder, log } = recording;
    // A line of an index may be on its way to the disk.
    for (let i = 0; i < 200 && library.totalBytes !== sizeOf(root); i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    (globalThis as unknown as { gc(): void }).gc();
    const line: Hour = {
      heap: Deno.memoryUsage().heapUsed / 1e6,
      descriptors: await fewestDescriptors(),
      segments: (await library.segments("front", 0, Infinity)).length,
      bytes: library.totalBytes,
      onDisk: sizeOf(root),
      withCopies: sizeOf(root, true),
      dropped: recorder.status().dropped,
      warnings: log.lines.filter((text) => !text.startsWith("info")).length,
    };
    console.log(JSON.stringify(line));
  }
}

async function fewestDescriptors(): Promise<number> {
  let fewest = Infinity;
  for (const end = Date.now() + SETTLING; Date.now() < end;) {
    fewest = Math.min(fewest, [...Deno.readDirSync("/proc/self/fd")].length);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return fewest;
}

/** Returns the size of all files in a folder, in bytes. */
function sizeOf(folder: string, withCopies = false): number {
  let bytes = 0;
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) bytes += sizeOf(`${folder}/${name}`, withCopies);
    else if (withCopies || !name.endsWith(".tmp")) bytes += Deno.statSync(`${folder}/${name}`).size;
  }
  return bytes;
}
