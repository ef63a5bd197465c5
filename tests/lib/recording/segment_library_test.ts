import { assert, assertEquals, assertFalse } from "@std/assert";
import { indexLine } from "../../../lib/recording/day_index.ts";
import type { Segment } from "../../../lib/recording/segment.ts";
import type { SegmentLibrary } from "../../../lib/recording/segment_library.ts";
import { DAY, dayOf, segmentPlace } from "../../../lib/recording/segment_name.ts";
import { needing } from "../../parts.ts";
import { FaultyDisk } from "./faulty_disk.ts";
import { every, Recordings, START } from "./recordings.ts";
import { parseSegment } from "./segment_files.ts";

const MINUTE = 60_000;
const INDEX = "front/2026-11-27/index.tsv";

Deno.test("a library finds segments without an index, and writes it", async () => {
  await using recordings = new Recordings();
  const written = [
    await recordings.write({ start: START }),
    await recordings.write({ start: START + MINUTE }),
    await recordings.write({ start: START + DAY, camera: "back" }),
  ];
  const library = await recordings.open();
  assertEquals(library.cameras.toSorted(), ["back", "front"]);
  assertEquals(await all(library), written.slice(0, 2));
  assertEquals(await all(library, "back"), written.slice(2));
  assertEquals(library.progress, 1);
  await library[Symbol.asyncDispose]();
  assertEquals(library.totalBytes, recordings.size);

  recordings.disk = new FaultyDisk(recordings.disk);
  const again = await recordings.open();
  assertEquals(await all(again), written.slice(0, 2));
  assertEquals(again.totalBytes, recordings.size);
  assertEquals(opened(recordings.disk as FaultyDisk, ".mkv"), 0);
});

Deno.test("a library adds closed segments to the index", async () => {
  await using recordings = new Recordings();
  const library = await recordings.open();
  const closed: Segment[] = [];
  for (const start of [START, START + MINUTE, START + DAY]) {
    const writer = await recordings.writeOpen({ start });
    library.add(writer.segment);
    assertEquals((await all(library)).at(-1), writer.segment);
    closed.push((await writer.close())!);
    await library.replace(writer.segment, closed.at(-1)!);
    assertEquals(library.totalBytes, recordings.size);
  }
  assertEquals(await all(library), closed);
  const lines = Deno.readTextFileSync(`${recordings.root}/${INDEX}`).split("\n");
  assertEquals(lines.map((line) => line.split("\t")[0]), [
    "10-00-00.000Z.mkv",
    "10-01-00.000Z.mkv",
    "",
  ]);
  const { oldest, newest, bytes } = library.extent("front");
  assertEquals([oldest, newest, bytes], [START, closed[2]!.end, recordings.size]);
  assertEquals(await all(await recordings.open()), closed);
});

Deno.test("a library tolerates a damaged index", async () => {
  await using recordings = new Recordings();
  const written = [];
  for (let i = 0; i < 5; i++) {
    written.push(await recordings.write({ start: START + i * MINUTE, times: every(700, 9) }));
  }
  await (await recordings.open())[Symbol.asyncDispose]();
  const path = `${recordings.root}/${INDEX}`;
  const index = Deno.readTextFileSync(path);
  const lines = index.split("\n");
  const damaged = [
    ...every(1, 120).map((cut) => index.slice(0, -cut)), // torn at any byte of the last line
    "",
    "\0".repeat(500),
    `${"x".repeat(300)}\n${index}`,
    `${lines[2]}\n${lines[0]}\n${lines[4]}\n`,
    index + index,
    index.replace("\t20\t", "\t-1\t"),
    index.replaceAll("10-02", "10-07"), // a missing file
    index.replaceAll("10-03-00.000Z", "../../../x"),
    `${index}${lines[1]!.slice(0, 30)}${lines[1]}\n`, // torn, and then appended to
  ];
  for (const text of damaged) {
    Deno.writeTextFileSync(path, text);
    const library = await recordings.open();
    assertEquals(await all(library), written, text);
    await library[Symbol.asyncDispose]();
    assertEquals(library.totalBytes, recordings.size, text);
    assertEquals(await all(await recordings.open()), written, text);
  }
});

Deno.test("a library notices that segments were replaced by thinned ones before a crash", async () => {
  await using recordings = new Recordings();
  const old = await recordings.write({ start: START });
  await (await recordings.open())[Symbol.asyncDispose]();
  // The size is other than in the index, and the folder has changed later: not in the same
  // milliseconds, which the disk's times do not tell apart.
  const before = new Date(Date.now() - 1_000);
  Deno.utimeSync(`${recordings.root}/${INDEX}`, before, before);
  await Deno.remove(recordings.path(old));
  const thinned = await recordings.write({ start: START, number: 1, times: every(1000, 2) });
  assertEquals(await all(await recordings.open()), [thinned]);
});

Deno.test("a library repairs segments that were not closed, before it starts", async () => {
  await using recordings = new Recordings();
  const older = await recordings.writeTorn({ start: START - 5 * DAY });
  const torn = await recordings.writeTorn({ start: START });
  await Deno.truncate(torn, Deno.statSync(torn).size - 1);
  const empty = await recordings.writeTorn({ start: START + MINUTE, times: [] });
  const library = await recordings.open();
  for (const [path, frames] of [[older, 20], [torn, 19]] as const) {
    const content = parseSegment(Deno.readFileSync(path));
    assertEquals([content.isComplete, content.frames.length], [true, frames]);
  }
  assertEquals((await all(library)).map(({ frames }) => frames), [20, 19]);
  assertEquals(await recordings.disk.stat(empty).then(() => "there", () => "gone"), "gone");
  assertEquals(library.nextNumber("front"), 3);
  await library[Symbol.asyncDispose]();
  assertEquals(library.totalBytes, recordings.size);
});

Deno.test("a library counts a file that it cannot repair, and plays it", async () => {
  await using recordings = new Recordings();
  const torn = await recordings.writeTorn({ start: START });
  await recordings.write({ start: START + MINUTE });
  const disk = new FaultyDisk(recordings.disk);
  recordings.disk = disk;
  disk.fail("ENOSPC", "append");
  const library = await recordings.open();
  await using cursor = library.cursor("front");
  assertEquals((await cursor.seek(START + 150, "after"))?.at, START + 200);
  assert(await cursor.read());
  await library[Symbol.asyncDispose](); // waits for the index
  assertEquals(library.totalBytes, recordings.size);
  assertEquals(recordings.lines.filter((line) => line.includes("not repaired")).length, 1);
  disk.recover();
  await recordings.open();
  assert(parseSegment(Deno.readFileSync(torn)).isComplete);
});

Deno.test("a library does not touch foreign files", async () => {
  await using recordings = new Recordings();
  await recordings.write({ start: START });
  const folder = `${recordings.root}/front/2026-11-27`;
  Deno.mkdirSync(`${recordings.root}/holiday pictures`);
  Deno.mkdirSync(`${recordings.root}/films/2026-02-30`, { recursive: true });
  const foreign = [
    ...["film.mkv", "10-00-00Z.mkv", "10-00-00.000Z-1.mkv", "25-00-00.000Z.mkv", "notes.txt"]
      .map((name) => `${folder}/${name}`),
    `${folder}/10-09-00.000Z.mkv`, // our name, but not our file
    `${recordings.root}/holiday pictures/10-00-00.000Z.mkv`,
    `${recordings.root}/films/2026-02-30/10-00-00.000Z.mkv`,
    `${recordings.root}/readme.txt`,
    `${folder}/notes.tmp`,
  ];
  for (const path of foreign) Deno.writeTextFileSync(path, "x".repeat(2000));
  Deno.writeTextFileSync(`${folder}/10-00-00.000Z.mkv.tmp`, "of thinning");
  const library = await recordings.open();
  const segments = await all(library);
  assertEquals(segments.length, 1);
  assertEquals(library.cameras, ["front"]);
  await Deno.remove(recordings.path(segments[0]!));
  await library.remove(segments[0]!);
  for (const path of foreign) assertEquals(Deno.readTextFileSync(path), "x".repeat(2000));
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  assertEquals(names.filter((name) => !foreign.includes(`${folder}/${name}`)), ["index.tsv"]);
  assertEquals(recordings.lines.filter((line) => line.includes("not readable")).length, 1);
});

Deno.test("a library takes no pipe, link or folder for a segment", needing("mkfifo"), async () => {
  await using recordings = new Recordings();
  const folder = recordings.path(await recordings.write({ start: START })).replace(/[^/]+$/, "");
  const torn = await recordings.writeTorn({ camera: "archive", start: START });
  const { size } = Deno.statSync(torn);
  await new Deno.Command("mkfifo", { args: [`${folder}11-00-00.000Z.mkv`] }).output();
  Deno.symlinkSync(torn, `${folder}12-00-00.000Z.mkv`);
  Deno.symlinkSync("nowhere", `${folder}13-00-00.000Z.mkv`);
  Deno.mkdirSync(`${folder}14-00-00.000Z.mkv`);
  Deno.renameSync(`${recordings.root}/archive`, `${recordings.root}/old archive`);
  const library = await recordings.open();
  assertEquals((await all(library)).map(({ start }) => start), [START]);
  await library[Symbol.asyncDispose](); // writes the index
  assertEquals([...Deno.readDirSync(folder)].length, 6);
  assertEquals(recordings.lines, []);
  assertEquals(Deno.statSync(torn.replace("archive", "old archive")).size, size);
});

Deno.test("a library removes the folder of a day with its last segment, except today's", async () => {
  await using recordings = new Recordings();
  const segments = [
    await recordings.write({ start: START - DAY }),
    await recordings.write({ start: START }),
  ];
  const library = await recordings.open();
  for (const segment of segments) {
    await Deno.remove(recordings.path(segment));
    await library.remove(segment);
    await library.remove(segment);
  }
  assertEquals(await all(library), []);
  assertEquals(library.extent("front").oldest, undefined);
  assertEquals([...Deno.readDirSync(`${recordings.root}/front`)].map(({ name }) => name), [
    "2026-11-27",
  ]);
  assertEquals(library.totalBytes, recordings.size);
});

Deno.test("a library unloads days, and reads their index again", async () => {
  await using recordings = new Recordings();
  const written = [];
  for (let day = 0; day < 4; day++) {
    for (let i = 0; i < 3; i++) {
      written.push(await recordings.write({ start: START - day * DAY + i * MINUTE }));
    }
  }
  written.sort((a, b) => a.start - b.start);
  const disk = new FaultyDisk(recordings.disk);
  recordings.disk = disk;
  const library = await recordings.open({ maxMemory: 0 });
  const lists = disk.count("list");
  assertEquals(await all(library), written);
  assertEquals([disk.count("list"), opened(disk, "index.tsv") > 8], [lists, true]);

  const removed = written.splice(1, 1)[0]!;
  await Deno.remove(recordings.path(removed));
  await library.remove(removed);
  for (let i = 0; i < 3; i++) assertEquals(await all(library), written);
  Deno.removeSync(`${recordings.root}/${INDEX}`); // by the user, at any time
  for (let i = 0; i < 3; i++) assertEquals(await all(library), written);
  const writer = await recordings.writeOpen({ start: START + 5 * MINUTE });
  library.add(writer.segment);
  written.push((await writer.close())!);
  await library.replace(writer.segment, written.at(-1)!);
  for (let i = 0; i < 3; i++) assertEquals(await all(library), written);
  await library.segments("front", START - DAY, START - DAY); // unloads the other days
  const [line] = Deno.readTextFileSync(`${recordings.root}/${INDEX}`).split("\n");
  Deno.writeTextFileSync(`${recordings.root}/${INDEX}`, `${line}\n`);
  assertEquals(await all(library), written);
});

Deno.test("a library unloads days that were only recorded", async () => {
  await using recordings = new Recordings();
  const disk = new FaultyDisk(recordings.disk);
  recordings.disk = disk;
  const library = await recordings.open({ maxMemory: 0 });
  for (const start of [START, START + DAY, START + 2 * DAY]) {
    const writer = await recordings.writeOpen({ start });
    library.add(writer.segment);
    await library.replace(writer.segment, (await writer.close())!);
  }
  await library.segments("front", START, START);
  const reads = disk.requests.filter(({ operation, path }) =>
    operation === "readAt" && path.endsWith(INDEX)
  );
  assertEquals(reads.length, 1);
});

Deno.test("a library writes an index again that ends with a part of a line", async () => {
  await using recordings = new Recordings();
  const first = await recordings.write({ start: START });
  await (await recordings.open())[Symbol.asyncDispose]();
  const path = `${recordings.root}/${INDEX}`;
  const index = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, `${index}10-0`); // of a killed process
  const disk = new FaultyDisk(recordings.disk);
  recordings.disk = disk;
  const library = await recordings.open();
  await library[Symbol.asyncDispose]();
  assertEquals(Deno.readTextFileSync(path), index);

  const segments = [first];
  for (const isFailing of [true, false]) {
    const writer = await recordings.writeOpen({ start: segments.at(-1)!.start + MINUTE });
    library.add(writer.segment);
    segments.push((await writer.close())!);
    if (isFailing) {
      Deno.writeTextFileSync(path, "10-0", { append: true }); // a part, as of a full disk
      disk.fail("ENOSPC", "append");
    }
    await library.replace(writer.segment, segments.at(-1)!);
    disk.recover();
  }
  assertEquals(Deno.readTextFileSync(path), segments.map(indexLine).join(""));
  assertEquals(library.totalBytes, recordings.size);
  assertEquals(recordings.lines.filter((line) => line.includes("index not written")).length, 1);
});

Deno.test("a library does not repair what is being recorded", async () => {
  await using recordings = new Recordings();
  await recordings.write({ start: START - DAY });
  const other = await recordings.write({ start: START - MINUTE });
  const library = await recordings.open({ maxMemory: 0 });
  await library.segments("front", START - DAY, START - DAY); // unloads the other day
  const number = library.nextNumber("front");
  const writer = await recordings.writeOpen({ start: START, number });
  // Not added yet: reading the folder meanwhile must leave it alone.
  const day = segmentPlace("front", START).day;
  Deno.writeTextFileSync(`${recordings.root}/front/${day}/index.tsv`, "");
  assertEquals((await all(library)).slice(1), [other]);
  assertEquals(parseSegment(Deno.readFileSync(writer.path)).isComplete, false);
  library.add(writer.segment);
  const closed = (await writer.close())!;
  await library.replace(writer.segment, closed);
  assertEquals(parseSegment(Deno.readFileSync(writer.path)).frames.length, 20);
  assertEquals((await all(library)).slice(1), [other, closed]);
});

Deno.test("a library plays a segment that its recorder could not close, and repairs it later", async () => {
  await using recordings = new Recordings();
  const library = await recordings.open();
  const writer = await recordings.writeOpen({ start: START });
  library.add(writer.segment);
  const abandoned = await writer.abandon();
  await library.replace(writer.segment, abandoned);
  assertEquals(await all(library), [abandoned]);
  await using cursor = library.cursor("front");
  assertEquals((await cursor.seek(START, "after"))?.index, 0);
  assert(await cursor.read());
  await library[Symbol.asyncDispose]();
  assertEquals(parseSegment(Deno.readFileSync(writer.path)).isComplete, false);
  const again = await recordings.open();
  assert(parseSegment(Deno.readFileSync(writer.path)).isComplete);
  assertEquals((await all(again))[0]?.frames, 20);
});

Deno.test("a library repairs such a segment when its day is read again", async () => {
  await using recordings = new Recordings();
  const library = await recordings.open({ maxMemory: 0 });
  const number = library.nextNumber("front");
  const writer = await recordings.writeOpen({ start: START, number });
  library.add(writer.segment);
  await library.replace(writer.segment, await writer.abandon());
  const next = await recordings.writeOpen({ start: START + DAY, number: number + 1 });
  library.add(next.segment);
  await library.replace(next.segment, (await next.close())!); // unloads the first day
  const [repaired] = await library.segments("front", START, START);
  assertEquals(parseSegment(Deno.readFileSync(writer.path)).isComplete, true);
  assertEquals([repaired?.frames, repaired?.bytes], [20, Deno.statSync(writer.path).size]);
});

Deno.test("a library moves a segment to another time", async () => {
  await using recordings = new Recordings();
  const old = await recordings.write({ start: START - 40 * DAY });
  const library = await recordings.open();
  const moved = { ...old, ...segmentPlace("front", START), start: START, end: START + 1900 };
  await recordings.disk.makeFolder(`${recordings.root}/front/${moved.day}`);
  await Deno.rename(recordings.path(old), recordings.path(moved));
  await library.replace(old, moved);
  assertEquals(await all(library), [moved]);
  assertEquals(library.totalBytes, recordings.size);
  assertEquals(await all(await recordings.open()), [moved]);
});

Deno.test("oldest returns the closed segments of all cameras by their end", async () => {
  await using recordings = new Recordings();
  const written = [];
  for (const [camera, start] of [["a", 0], ["b", 5], ["a", 10], ["b", -DAY], ["c", 7]] as const) {
    written.push(await recordings.write({ camera, start: START + start * 1000 }));
  }
  written.push(await recordings.write({ camera: "b", start: START - 1000, times: [0, 20_000] }));
  await recordings.clock.advance(DAY);
  const library = await recordings.open();
  const open = await recordings.writeOpen({ camera: "a", start: START - 2 * DAY });
  library.add(open.segment);
  written.sort((x, y) => x.end - y.end);
  for (let count = 0; count <= 6; count++) {
    assertEquals(await library.oldest(count), written.slice(0, count));
  }
  assertEquals(await library.oldest(100), written);
  await library.remove(open.segment);
  await open.abandon();
});

Deno.test("oldest compares ends, not starts, in a day and across midnight", async () => {
  for (const start of [START, Date.UTC(2026, 10, 27) - 1000]) {
    await using recordings = new Recordings();
    await recordings.write({ start, times: every(10_000, 10) });
    await recordings.write({ start: start + 2000 });
    await recordings.write({ start: start + 5000 });
    await recordings.clock.advance(DAY);
    const library = await recordings.open();
    const [long, ...short] = await all(library);
    const expected = [...short, long!];
    for (let count = 1; count <= 3; count++) {
      assertEquals(await library.oldest(count), expected.slice(0, count));
    }
  }
});

Deno.test("start can be repeated after the folder could not be read", async () => {
  await using recordings = new Recordings();
  const written = await recordings.write({ start: START });
  const disk = new FaultyDisk(recordings.disk);
  recordings.disk = disk;
  disk.fail("EIO", "list");
  const failed = await recordings.open().then(() => "opened", ({ code }) => code);
  assertEquals(failed, "EIO");
  disk.recover();
  assertEquals(await all(await recordings.open()), [written]);
});

Deno.test("a library goes on without a folder that cannot be read", async () => {
  await using recordings = new Recordings();
  await recordings.write({ start: START - DAY });
  const written = await recordings.write({ start: START });
  const disk = new FaultyDisk(recordings.disk);
  disk.onRequest = ({ operation, path }) => {
    if (operation === "list" && path.endsWith("2026-11-26")) throw new Error("bad sector");
  };
  recordings.disk = disk;
  const library = await recordings.open();
  assertEquals(await all(library), [written]);
  assertEquals(await library.oldest(5), [written]);
  assertEquals(recordings.lines.filter((line) => line.includes("bad sector")).length, 1);
});

Deno.test("a library logs its progress while it reads many files", async () => {
  await using recordings = new Recordings();
  for (let i = 0; i < 12; i++) await recordings.write({ start: START + i * MINUTE });
  const disk = new FaultyDisk(recordings.disk);
  recordings.disk = disk;
  let seen = 0;
  disk.onRequest = async ({ operation, path }) => {
    if (operation === "open" && path.endsWith(".mkv")) {
      seen++;
      await recordings.clock.advance(1000);
    }
  };
  await recordings.open();
  assertEquals(seen, 12);
  const reports = recordings.lines.filter((line) => line.includes("reading recordings"));
  assertEquals(reports.length, 2);
  assert(/percent=\d+ days="0 of 1" files="\d+ of 12"/.test(reports[0]!), reports[0]);
});

/** Returns all segments of a camera. */
function all(library: SegmentLibrary, camera = "front"): Promise<readonly Segment[]> {
  return library.segments(camera, -Infinity, Infinity);
}

/** Number of times that a file was opened. */
function opened(disk: FaultyDisk, extension: string): number {
  return disk.requests.filter(({ operation, path }) =>
    operation === "open" && path.endsWith(extension)
  ).length;
}

Deno.test("frames yields each visible frame of a period once", async () => {
  await using recordings = new Recordings();
  for (let i = 0; i < 4; i++) {
    await recordings.write({
      start: START + i * 2000,
      times: every(100, i === 1 ? 5 : 20),
      firstNumber: 20 * i,
    });
  }
  const library = await recordings.open();
  const writer = await recordings.writeOpen({ start: START + 8000 });
  library.add(writer.segment);
  const times: number[] = [];
  for await (
    const { segment, index, first, last } of library.frames("front", START + 1050, START + 8399)
  ) {
    for (let frame = first; frame <= last; frame++) times.push(segment.start + index.time(frame));
  }
  const expected = [
    ...every(100, 25).slice(11),
    ...every(100, 40).map((time) => time + 4000),
    ...every(100, 4).map((time) => time + 8000),
  ];
  assertEquals(times, expected.map((time) => START + time));
  await library.remove(writer.segment);
  await writer.abandon();
});

Deno.test("a segment can be closed, thinned and removed while others are read", async () => {
  await using recordings = new Recordings();
  const library = await recordings.open();
  let number = 0;
  await using cursor = library.cursor("front");
  for (let i = 0; i < 30; i++) {
    const writer = await recordings.writeOpen({ start: START + i * 2000, firstNumber: number });
    number += 20;
    library.add(writer.segment);
    const reading = (async () => {
      await cursor.seek(-Infinity, "after");
      for (let step = 0; step < 100; step++) {
        await cursor.step(step % 7 === 0 ? -1 : 1);
        await cursor.read();
      }
    })();
    const closed = (await writer.close())!;
    await library.replace(writer.segment, closed);
    if (i % 2 === 0) {
      await Deno.remove(recordings.path(closed));
      await library.remove(closed);
    }
    await reading;
  }
  assertEquals((await all(library)).length, 15);
});

Deno.test("refresh takes note of segments and days that somebody has deleted", async () => {
  for (const maxMemory of [undefined, 0]) {
    await using recordings = new Recordings();
    const { root } = recordings;
    await Deno.writeTextFile(`${root}/.dinocam`, "");
    for (const camera of ["a", "b"]) {
      for (let n = 0; n < 40; n++) {
        await recordings.write({ camera, start: START - Math.floor(n / 10) * DAY + n * 1000 });
      }
    }
    const library = await recordings.open({ maxMemory });
    const open = await recordings.writeOpen({ camera: "a", start: START + 60_000 });
    library.add(open.segment);
    const counts = async () => [
      (await library.segments("a", 0, Infinity)).length,
      (await library.segments("b", 0, Infinity)).length,
    ];
    const before = [...await counts(), library.totalBytes];
    assertEquals(await library.refresh(), []);
    assertEquals([...await counts(), library.totalBytes], before);
    const today = `${root}/a/${dayOf(START)}`;
    const old = `${root}/b/${dayOf(START - 2 * DAY)}`;
    await Deno.remove(old, { recursive: true });
    const [first] = await library.segments("a", START, Infinity);
    await Deno.remove(`${today}/${first!.name}`);
    assertEquals(await library.refresh(), [{ camera: "b", day: dayOf(START - 2 * DAY) }]);
    assertEquals(await counts(), [before[0]! - 1, before[1]! - 10]);
    await library[Symbol.asyncDispose](); // writes indexes
    assertEquals(library.totalBytes, recordings.size);
    assertEquals(recordings.lines.splice(0).map((line) => line.slice(25)), [
      "info recordings were deleted by another program camera=a segments=1",
      "info recordings were deleted by another program camera=b segments=10",
    ]);
    // The folder of a camera.
    await Deno.remove(`${root}/b`, { recursive: true });
    assertEquals((await library.refresh()).length, 3);
    assertEquals(await counts(), [before[0]! - 1, 0]);
    assertFalse(library.cameras.includes("b"));
    await library.remove(open.segment);
    await open.abandon();
  }
});

Deno.test("refresh removes nothing while the disk of the recordings is not mounted", async () => {
  await using recordings = new Recordings();
  const { root } = recordings;
  await Deno.writeTextFile(`${root}/.dinocam`, "");
  await recordings.write({ start: START });
  await recordings.write({ start: START - DAY });
  const library = await recordings.open();
  await Deno.rename(root, `${root}-elsewhere`);
  assertEquals(await library.refresh(), []);
  await Deno.mkdir(root); // the mount point
  assertEquals(await library.refresh(), []);
  assertEquals((await all(library)).length, 2);
  await Deno.remove(root);
  await Deno.rename(`${root}-elsewhere`, root);
  assertEquals(await library.refresh(), []);
  assertEquals((await all(library)).length, 2);
});
