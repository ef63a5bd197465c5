import { assert, assertAlmostEquals, assertEquals, assertGreater } from "@std/assert";
import { type Size, sizeOf } from "../../lib/jpeg/segments.ts";
import { needing } from "../parts.ts";
import { eventually, Server } from "../server.ts";
import { jpegsAt } from "../ways_out.ts";
import { readRecording } from "./recording_server.ts";
import { decodeMatroska } from "./segment_file.ts";

/** Frames to record. */
const FRAMES = 60;

function sizes(jpegs: readonly Uint8Array<ArrayBuffer>[]): string[] {
  return [...new Set(jpegs.map((jpeg) => text(sizeOf(jpeg)!)))];
}

function text({ width, height }: Size): string {
  return `${width}x${height}`;
}

/** Runs ffprobe on a file, and returns its output. */
async function probe(path: string, entries: string): Promise<string> {
  const args = ["-v", "error", "-of", "csv=p=0", "-count_packets", "-show_entries", entries, path];
  const { stdout, stderr } = await new Deno.Command("ffprobe", { args }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).trim();
}

Deno.test(
  "recordings leave the server in the size and quality that a client requests, and with the time",
  {
    ...needing("ffmpeg", "ffprobe"),
  },
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "dinocam-converted-" });
    try {
      {
        await using server = await Server.start({ env: { RECORD_DIR: folder, FPS: "20" } });
        await eventually("some frames are recorded", async () => {
          const [camera] = await (await fetch(`${server.url}/cameras`)).json();
          return camera.recording.frames > FRAMES;
        });
        assertEquals((await server.stop()).code, 0);
      }
      const { frames } = await readRecording(folder, "emulated");
      const [first, last] = [frames[0]!, frames.at(-1)!];
      const own = sizes([first.jpeg])[0]!;
      const small = own.split("x").map((length) => Number(length) / 2).join("x");
      const height = Number(small.split("x")[1]);
      await using server = await Server.start({
        env: { RECORD_DIR: folder, RECORD: "off", FPS: "20" },
      });
      const camera = `${server.url}/cameras/emulated`;
      await eventually("the folder is read", async () => {
        const [camera] = await (await fetch(`${server.url}/cameras`)).json();
        return camera.recording?.oldest !== null;
      });
      const period = `from=${first.at / 1000}&to=${last.at / 1000}`;

      const at = `at=${first.at / 1000}`;
      const [snapshot] = await jpegsAt(`${camera}/snapshot.jpg?${at}&height=${height}`);
      assertEquals(sizes([snapshot!]), [small]);
      const [coarse] = await jpegsAt(`${camera}/snapshot.jpg?${at}&quality=low`);
      assertEquals(sizes([coarse!]), [own]);
      assert(coarse!.length < 0.8 * first.jpeg.length, `${coarse!.length} of ${first.jpeg.length}`);
      assertEquals(sizes(await jpegsAt(`${camera}/video_feed?${at}&height=${height}`)), [small]);

      for (const query of [`height=${height}`, "overlay=1"]) {
        const response = await fetch(`${camera}/clip.mkv?${period}&${query}`);
        const estimated = Number(response.headers.get("X-Clip-Estimated-Length"));
        const mkv = await response.bytes();
        const clip = decodeMatroska(mkv);
        assertEquals(sizes(clip.frames.map(({ jpeg }) => jpeg)), [
          query === "overlay=1" ? own : small,
        ]);
        assertEquals(
          clip.frames.map(({ time }) => time),
          frames.map(({ at }) => at - first.at),
        );
        assertEquals([clip.torn, clip.cues.length], [0, 0]);
        assertAlmostEquals(estimated, mkv.length, 0.3 * mkv.length);
        const changed = clip.frames.filter(({ jpeg }, i) => `${jpeg}` !== `${frames[i]!.jpeg}`);
        assertEquals(changed.length, frames.length);
      }

      const mp4 = await fetch(`${camera}/clip.mp4?${period}&height=${height}&overlay=1`);
      await Deno.writeFile(`${folder}/clip.mp4`, mp4.body!);
      const count = mp4.headers.get("X-Clip-Frames"); // at most 60 per second
      const entries = "stream=width,height,nb_read_packets";
      const expected = `${small.replace("x", ",")},${count}`;
      assertEquals(await probe(`${folder}/clip.mp4`, entries), expected);
      const times = (await probe(`${folder}/clip.mp4`, "packet=pts_time")).split(/[\n,]+/)
        .filter(Boolean).map((time) => Math.round(1000 * Number(time)));
      const recorded = new Set(frames.map(({ at }) => at - first.at));
      assertEquals([times.length, times.filter((time) => !recorded.has(time))], [
        Number(count),
        [],
      ]);
      assertGreater(times.length, FRAMES / 2);
      assertEquals((await server.stop()).code, 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
