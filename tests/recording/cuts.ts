import { assertEquals } from "@std/assert";
import { run, withFolder } from "../clients/client.ts";
import { numberedJpeg } from "./numbered_jpeg.ts";
import type { Player } from "./players.ts";
import { encodeSegment, type FileFrame } from "./segment_file.ts";
import { CLUSTER_HEADER } from "../../lib/matroska/mod.ts";

const FRAMES: readonly FileFrame[] = Array.from(
  { length: 12 },
  (_, i) => ({ time: i * 33, jpeg: numberedJpeg(i) }),
);

/** A segment that is being recorded. */
export const OPEN_SEGMENT = encodeSegment(FRAMES, { complete: false });

/** Size of the last two clusters, in bytes. */
export const LAST_TWO = FRAMES.slice(-2)
  .reduce((sum, { jpeg }) => sum + CLUSTER_HEADER + jpeg.length, 0);

/** Returns the frames that are whole in the first bytes of {@link OPEN_SEGMENT}. */
export function wholeFrames(size: number): readonly FileFrame[] {
  let end = OPEN_SEGMENT.length;
  for (let count = FRAMES.length;; count--) {
    if (end <= size) return FRAMES.slice(0, count);
    end -= CLUSTER_HEADER + FRAMES[count - 1]!.jpeg.length;
  }
}

/**
 * Cuts a segment in its last two frames, as when the machine loses power, and copies the frames
 * with ffmpeg: these must be the whole ones, unchanged.
 *
 * @param step Distance of the cuts, in bytes.
 * @returns Number of cuts.
 */
export async function checkCutsWithFfmpeg(step: number): Promise<number> {
  const sums = await Promise.all(FRAMES.map(({ jpeg }) => md5(jpeg)));
  return await withFolder(async (cwd) => {
    let count = 0;
    for (let cut = 1; cut <= LAST_TWO; cut += step, count++) {
      const bytes = OPEN_SEGMENT.subarray(0, -cut);
      await Deno.writeFile(`${cwd}/cut.mkv`, bytes);
      const { code, stdout } = await run("ffmpeg", [
        ...["-nostdin", "-v", "fatal", "-i", "cut.mkv", "-map", "0:v", "-c", "copy"],
        ...["-f", "framemd5", "-"],
      ], { cwd });
      const copied = [...stdout.matchAll(/^0,.*, (\w{32})$/gm)].map(([, sum]) => sum);
      const expected = sums.slice(0, wholeFrames(bytes.length).length);
      assertEquals({ code, copied }, { code: 0, copied: expected }, `${cut} bytes are missing`);
    }
    return count;
  });
}

/**
 * Plays a segment that was cut in its last two frames.
 *
 * @param step Distance of the cuts, in bytes.
 * @returns Number of cuts.
 */
export async function checkCuts({ play, leavesOut = 0 }: Player, step: number): Promise<number> {
  let count = 0;
  for (let cut = 1; cut <= LAST_TWO; cut += step, count++) {
    await withFolder(async (folder) => {
      await Deno.chmod(folder, 0o777);
      const bytes = OPEN_SEGMENT.subarray(0, -cut);
      await Deno.writeFile(`${folder}/cut.mkv`, bytes);
      const { times } = await play(`${folder}/cut.mkv`, folder);
      const expected = wholeFrames(bytes.length).map(({ time }) => time);
      const whole = times.map(Math.round).slice(0, expected.length);
      assertEquals(whole, expected.slice(0, expected.length - leavesOut), `${cut} missing`);
    });
  }
  return count;
}

async function md5(bytes: Uint8Array): Promise<string> {
  const { createHash } = await import("node:crypto");
  return createHash("md5").update(bytes).digest("hex");
}
