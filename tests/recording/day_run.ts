import { assertAlmostEquals, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { run, withFolder } from "../clients/client.ts";
import { figure, rounded } from "../faults/figures.ts";
import { type Hour, LIMITS } from "./day_child.ts";
import { readRecording } from "./recording_server.ts";

const CHILD = new URL("day_child.ts", import.meta.url).pathname;

/**
 * Records hours of a manual clock with deletion and thinning, and asserts that nothing grows, and
 * that the indexes list the files.
 */
export async function checkHours(hours: number): Promise<void> {
  await withFolderInMemory(async (root) => {
    const { code, stdout, stderr, took } = await run(Deno.execPath(), [
      ...["run", "-q", "--allow-all", "--no-check", "--v8-flags=--expose-gc"],
      ...[CHILD, root, `${hours}`],
    ], { ms: 600_000 });
    assertEquals([code, stderr], [0, ""]);
    const all: Hour[] = stdout.trim().split("\n").map((line) => JSON.parse(line));
    // Nothing is deleted before the oldest segment has its maximum age.
    const steady = all.slice(Math.min(6, hours >> 1));
    const [first, last] = [steady[0]!, steady.at(-1)!];
    figure(`${hours} h recorded in`, `${rounded(took / 1000)} s`);
    figure(
      "live objects after some hours and at the end",
      `${rounded(first.heap)} and ${rounded(last.heap)} MB`,
    );
    // Thinning may be waiting for the clock, with two files open.
    const [before, after] = [steady.slice(0, steady.length >> 1), steady.slice(steady.length >> 1)]
      .map((part) => Math.min(...part.map(({ descriptors }) => descriptors)));
    figure("descriptors", `${before} and ${after}`);
    figure("segments", `${first.segments} and ${last.segments}`);
    assertAlmostEquals(last.heap, first.heap, 5);
    assertLessOrEqual(after!, before! + 2);
    assertEquals([last.dropped, last.warnings], [0, 0]);
    for (const { bytes, onDisk, withCopies } of all) {
      assertLessOrEqual(withCopies, LIMITS.max);
      assertEquals(bytes, onDisk);
    }
    await assertIndexed(root);
  });
}

/** Calls `use` with a folder in memory if possible: as many syncs of a disk take minutes. */
async function withFolderInMemory(use: (folder: string) => Promise<void>): Promise<void> {
  const memory = await Deno.stat("/dev/shm").catch(() => undefined);
  if (!memory?.isDirectory) return await withFolder(use);
  const folder = await Deno.makeTempDir({ dir: "/dev/shm" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Asserts that the indexes of the days list the files that exist, and their sizes. */
async function assertIndexed(root: string): Promise<void> {
  const { files, open } = await readRecording(root);
  assertEquals(open, []);
  const indexed = new Map<string, number>();
  for await (const { name: day } of Deno.readDir(`${root}/front`)) {
    const text = await Deno.readTextFile(`${root}/front/${day}/index.tsv`);
    for (const line of text.trimEnd().split("\n")) {
      const [name, , , , , bytes] = line.split("\t");
      indexed.set(`${root}/front/${day}/${name}`, Number(bytes)); // later lines replace earlier ones
    }
  }
  for (const file of files) assertEquals(indexed.get(file), (await Deno.stat(file)).size, file);
  assertLess(0, files.length);
  const gone = [...indexed.keys()].filter((file) => !files.includes(file));
  figure("files, and lines of files that are gone", `${files.length} and ${gone.length}`);
}
