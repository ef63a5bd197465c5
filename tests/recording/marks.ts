import { assert, assertEquals } from "@std/assert";
import { run, withFolder } from "../clients/client.ts";
import { figure } from "../faults/figures.ts";
import { pause } from "../faults/viewer.ts";
import { Random } from "../random.ts";
import { eventually } from "../server.ts";
import { YESTERDAY } from "./archive.ts";
import { numberOf } from "./numbered_jpeg.ts";
import { readRecording, recordingOf, startRecording } from "./recording_server.ts";
import { decodeMatroska } from "./segment_file.ts";

const CHILD = new URL("marks_child.ts", import.meta.url).pathname;
const START = YESTERDAY + 3_600_000;

/**
 * Kills a recorder that sets marks at a random moment, and asserts that the clip of the marks has
 * the first frame after each one that was stored.
 *
 * @param count Number of marks. @param share When it is killed: the part of them that is set.
 */
export async function checkMarks(count: number, share: [number, number]): Promise<void> {
  await withFolder(async (folder) => {
    const acknowledged = await markUntilKilled(folder, count, share);
    const { frames } = await readRecording(folder);
    await using server = await startRecording(folder, { RECORD: "off" });
    await eventually("the folder is read", async () => (await recordingOf(server)).oldest !== null);
    const period = `from=${START / 1000}&to=${START / 1000 + 2 * count}`;
    const marks: { at: number }[] =
      await (await fetch(`${server.url}/cameras/front/marks?${period}`)).json();
    const times = new Set(marks.map(({ at }) => at));
    for (const at of acknowledged) assert(times.has(at), `the mark at ${at} is lost`);

    const expected = marks.map(({ at }) => frames.find((frame) => frame.at >= at)?.number)
      .filter((number) => number !== undefined);
    const clip = async (name: string) => {
      const response = await fetch(`${server.url}/cameras/front/${name}?${period}&marks=layer`);
      const bytes = await response.bytes();
      assertEquals(response.status, 200, new TextDecoder().decode(bytes.subarray(0, 300)));
      return bytes;
    };
    const { frames: pictures } = decodeMatroska(await clip("clip.mkv"));
    assertEquals(pictures.map(({ jpeg }) => numberOf(jpeg)), expected);
    assert(expected.length >= acknowledged.length - 1); // no frame may follow the last mark
    figure(
      "marks stored before the kill, and frames in the clip",
      `${acknowledged.length} and ${pictures.length}`,
    );

    await Deno.writeFile(`${folder}/clip.mp4`, await clip("clip.mp4"));
    const { stdout } = await run("ffprobe", [
      ...["-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets"],
      ...["-of", "csv=p=0", `${folder}/clip.mp4`],
    ]);
    assertEquals(Number(stdout), expected.length);
  });
}

/** Returns the times of the marks that the recorder has acknowledged before it was killed. */
async function markUntilKilled(folder: string, count: number, share: [number, number]) {
  const [from, to] = share.map((part) => Math.round(part * count));
  const random = new Random(Date.now());
  const last = random.integer(from!, to!);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", "--no-check", CHILD, folder, `${START}`, `${count}`],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  let killing: Promise<void> | undefined;
  for await (const more of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += more;
    const lines = text.split("\n").length - 1;
    if (lines >= last) {
      killing ??= pause(random.integer(0, 20)).then(() => child.kill("SIGKILL"));
    }
  }
  await killing;
  await child.status;
  return [...text.matchAll(/^mark (\d+)$/gm)].map(([, at]) => Number(at));
}
