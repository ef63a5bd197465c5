import { assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { withFolder } from "../clients/client.ts";
import { figure, rounded } from "../faults/figures.ts";
import { pause } from "../faults/viewer.ts";
import { readRecording, recordingOf, startRecording } from "./recording_server.ts";

/** `RECORD_MAX`, in bytes. */
const MAX = 20_000_000;

/** Records two cameras at 12 MB/s within 20 MB, and samples the size of the folder every 50 ms. */
export async function checkSizeLimit(seconds: number): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/holiday.mkv`, "a file of the user");
    await using server = await startRecording(folder, {
      CAMERA: "front=pi,back=pi",
      FRONT_SOURCE: "0",
      BACK_SOURCE: "1",
      FAKE_CAMERA_CAMERAS: "2",
      FAKE_CAMERA_SIZE: "200000",
      WIDTH: "1280",
      HEIGHT: "720",
      RECORD_MAX: `${MAX / 1e6}M`,
    });
    let [largest, samples] = [0, 0];
    const removed = new Set<string>();
    let names = new Set<string>();
    for (const begun = performance.now(); performance.now() - begun < seconds * 1000;) {
      const before = sizesOf(folder);
      const after = sizesOf(folder);
      for (const name of names) if (!after.has(name)) removed.add(name);
      names = new Set(after.keys());
      // Between two equal lists no file was removed: the sizes existed at the same time.
      if ([...before.keys()].join() === [...after.keys()].join()) {
        samples++;
        const total = [...before.values()].reduce((sum, size) => sum + size, 0);
        largest = Math.max(largest, total);
      }
      await pause(50);
    }
    for (const camera of ["front", "back"]) {
      assertEquals((await recordingOf(server, camera)).state, "recording");
      assertEquals((await recordingOf(server, camera)).dropped, 0);
    }
    assertEquals((await server.stop()).code, 0);
    const after = [...sizesOf(folder).values()].reduce((sum, size) => sum + size, 0);
    figure("largest size of the recordings", `${rounded(largest / 1e6)} of ${MAX / 1e6} MB`);
    figure("after shutdown", `${rounded(after / 1e6)} MB`);
    figure("samples, and segments removed meanwhile", `${samples} and ${removed.size}`);
    assertLessOrEqual(largest, MAX);
    assertLessOrEqual(after, MAX);
    assertGreater(largest, MAX * 0.8);
    assertGreater(removed.size, 3);
    assertEquals(await Deno.readTextFile(`${folder}/holiday.mkv`), "a file of the user");
    for (const camera of ["front", "back"]) {
      const { open, frames } = await readRecording(folder, camera);
      assertEquals(open, []);
      assertGreater(frames.length, 10);
    }
  });
}

/** Returns the sizes of all files of the recorder, by path, in bytes. */
function sizesOf(folder: string): Map<string, number> {
  const sizes = new Map<string, number>();
  const visit = (place: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(place)) {
      const path = `${place}/${name}`;
      try {
        if (isDirectory) visit(path);
        else if (name !== "holiday.mkv") sizes.set(path, Deno.statSync(path).size);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error; // removed meanwhile
      }
    }
  };
  visit(folder);
  return sizes;
}
