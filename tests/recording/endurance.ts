import { assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { withFolder } from "../clients/client.ts";
import { figure, footprintOf, percentile, rounded } from "../faults/figures.ts";
import { pause, RawViewer } from "../faults/viewer.ts";
import { numberOf } from "./numbered_jpeg.ts";
import { lostByCamera, recordingOf, segmentFiles, startRecording } from "./recording_server.ts";
import { decodeMatroska } from "./segment_file.ts";

/** Records for some time while viewers watch, and counts the frames that are missing. */
export async function checkEndurance(seconds: number, viewerCount: number): Promise<void> {
  await withFolder(async (folder) => {
    const journal = `${folder}/camera.log`;
    await using server = await startRecording(folder, {
      FAKE_CAMERA_SIZE: "20000",
      FAKE_CAMERA_LOG: journal,
    });
    const viewers = await Promise.all(
      Array.from({ length: viewerCount }, () => RawViewer.watch(server.url)),
    );
    const reading = viewers.map((viewer) => viewer.readUntil(() => false));
    await pause(10_000);
    const { memory } = await footprintOf(server.pid);
    await pause(seconds * 1000);
    const grown = (await footprintOf(server.pid)).memory - memory;
    const { frames, dropped, state } = await recordingOf(server);
    assertEquals([state, dropped], ["recording", 0]);
    assertEquals((await server.stop()).code, 0);
    await Promise.all(reading);
    for (const viewer of viewers) viewer[Symbol.dispose]();

    const numbers: number[] = [];
    for (const file of await segmentFiles(`${folder}/front`)) {
      const segment = decodeMatroska(await Deno.readFile(file));
      numbers.push(...segment.frames.map(({ jpeg }) => numberOf(jpeg)!));
    }
    for (let i = 1; i < numbers.length; i++) assertLess(numbers[i - 1]!, numbers[i]!);
    const missing = numbers.at(-1)! - numbers[0]! + 1 - numbers.length;
    const lost = await lostByCamera(journal);
    figure(`frames recorded in ${seconds} s with ${viewerCount} viewers`, frames);
    figure("frames missing that the camera has delivered", Math.max(0, missing - lost), "0");
    figure("frames that the camera did not deliver", lost);
    figure(
      "age of live frames, 99th percentile",
      `${rounded(percentile(viewers[0]!.ages, 0.99))} ms`,
    );
    figure("memory grown", `${rounded(grown)} MB`);
    assertLessOrEqual(missing, lost);
    assertLess(grown, 40);
  });
}
