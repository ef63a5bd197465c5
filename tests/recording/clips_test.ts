import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { run, withFolder } from "../clients/client.ts";
import { figure, rounded } from "../faults/figures.ts";
import { pause } from "../faults/viewer.ts";
import { needing, PYTHON } from "../parts.ts";
import { descendants, eventually, type Server } from "../server.ts";
import { MINUTE, writeDay, YESTERDAY } from "./archive.ts";
import { needingLinux, readRecording, recordingOf, startRecording } from "./recording_server.ts";
import { decodeMatroska } from "./segment_file.ts";

/** Frames in a segment of a minute. */
const FRAMES = 600;
const MINUTES = 3;

/** Serves three minutes at 10 fps, of frames of 40 KB. */
async function withArchive(use: (server: Server, folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const day = { camera: "front", start: YESTERDAY, segments: MINUTES, frames: FRAMES };
    await writeDay(folder, { ...day, bytes: 40_000 });
    await using server = await startRecording(folder, { RECORD: "off" });
    await eventually("the folder is read", async () => (await recordingOf(server)).oldest !== null);
    await use(server, folder);
  });
}

const [FROM, TO] = [YESTERDAY + 30_000, YESTERDAY + 2.5 * MINUTE];
const PERIOD = `from=${FROM / 1000}&to=${TO / 1000}`;

Deno.test(
  "clip.mkv has the recorded frames, and the parts of it that a client requests",
  needing(PYTHON, "mkvmerge"),
  async () => {
    await withArchive(async (server, folder) => {
      const url = `${server.url}/cameras/front/clip.mkv?${PERIOD}`;
      const begun = performance.now();
      const response = await fetch(url);
      const clip = await response.bytes();
      const took = performance.now() - begun;
      assertEquals(Number(response.headers.get("Content-Length")), clip.length);
      figure("clip.mkv", `${rounded(clip.length / 1e3 / took)} MB/s`);

      const { frames: recorded } = await readRecording(folder);
      const expected = recorded.filter(({ at }) => at >= FROM && at <= TO);
      const { frames, cues, torn } = decodeMatroska(clip);
      assertEquals([frames.length, cues.length, torn], [expected.length, expected.length, 0]);
      for (const [i, { time, jpeg }] of frames.entries()) {
        assertEquals(time, expected[i]!.at - expected[0]!.at);
        assertEquals(jpeg, expected[i]!.jpeg);
      }
      const middle = Math.floor(clip.length / 2) + 17;
      const part = async (range: string) =>
        await (await fetch(url, { headers: { Range: range } })).bytes();
      const halves = [await part(`bytes=0-${middle - 1}`), await part(`bytes=${middle}-`)];
      assertEquals(new Blob(halves).size, clip.length);
      assertEquals(await new Blob(halves).bytes(), clip);

      await Deno.writeFile(`${folder}/clip.mkv`, clip);
      const merged = await run("mkvmerge", [
        "-q",
        "-o",
        `${folder}/merged.mkv`,
        `${folder}/clip.mkv`,
      ]);
      assertEquals([merged.code, merged.stdout, merged.stderr], [0, "", ""]);
    });
  },
);

Deno.test(
  "the server stops reading soon after a client of clip.mkv has left",
  needingLinux(PYTHON),
  async () => {
    await withArchive(async (server) => {
      const response = await fetch(`${server.url}/cameras/front/clip.mkv?${PERIOD}`);
      const reader = response.body!.getReader();
      await reader.read();
      const before = await bytesRead(server.pid);
      await reader.cancel();
      let last = before;
      const begun = performance.now();
      await eventually("the server reads nothing for 300 ms", async () => {
        await pause(300);
        const now = await bytesRead(server.pid);
        const isQuiet = now === last;
        last = now;
        return isQuiet;
      }, 3_000);
      figure(
        "read after the client of clip.mkv has left",
        `${rounded((last - before) / 1e6)} MB in ${rounded(performance.now() - begun - 300)} ms`,
      );
      assertLess(last - before, 10_000_000); // of 72 MB
    });
  },
);

Deno.test(
  "clip.mp4 is H.264 of the right duration, begins soon, and ends with its client",
  needingLinux(PYTHON, "ffmpeg", "ffprobe"),
  async () => {
    await withArchive(async (server, folder) => {
      const period = `from=${FROM / 1000}&to=${FROM / 1000 + 20}`;
      const url = `${server.url}/cameras/front/clip.mp4?${period}`;
      const begun = performance.now();
      const response = await fetch(url);
      const reader = response.body!.getReader();
      const first = await reader.read();
      const soon = performance.now() - begun;
      figure("first byte of clip.mp4", `${rounded(soon)} ms`, "2000 ms");
      assert(first.value!.length > 0);
      assertLess(soon, 2_000);
      await reader.cancel();
      const left = performance.now();
      await eventually("ffmpeg has exited", async () => (await descendants(server.pid)).size === 0);
      figure("ffmpeg gone after the client", `${rounded(performance.now() - left)} ms`, "1000 ms");
      assertLess(performance.now() - left, 1_000);

      await Deno.writeFile(`${folder}/clip.mp4`, await (await fetch(url)).bytes());
      const { stdout, stderr } = await run("ffprobe", [
        ...["-v", "warning", "-count_packets", "-of", "default=nw=1:nk=1", "-show_entries"],
        ...["stream=codec_name,nb_read_packets:format=duration", `${folder}/clip.mp4`],
      ]);
      const [codec, packets, duration] = stdout.trim().split("\n");
      assertEquals([codec, packets, stderr], ["h264", "201", ""]);
      assertAlmostEquals(Number(duration), 20.1, 0.11);
    });
  },
);

/** Returns how many bytes a process has read from files and sockets. */
async function bytesRead(pid: number): Promise<number> {
  return Number(/^rchar: (\d+)$/m.exec(await Deno.readTextFile(`/proc/${pid}/io`))![1]);
}
