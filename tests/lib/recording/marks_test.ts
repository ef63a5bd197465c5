import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createLog } from "../../../lib/log.ts";
import { type Mark, MarkFiles } from "../../../lib/recording/marks.ts";
import { StorageError } from "../../../lib/recording/storage.ts";
import { ManualClock } from "../../manual_clock.ts";
import { FaultyDisk, MemoryDisk } from "./faulty_disk.ts";

const NOON = Date.UTC(2026, 10, 27, 12);
const MIDNIGHT = Date.UTC(2026, 10, 28);
const FILE = "/r/front/2026-11-27/marks.jsonl";

function setUp() {
  const memory = new MemoryDisk("/r");
  const addMarker = () => {
    memory.files.set("/r/.dinocam", { bytes: new Uint8Array(0) } as never);
  };
  addMarker();
  const disk = new FaultyDisk(memory);
  let reserved = 0;
  const storage = {
    reserve: (bytes: number) => void (reserved += bytes),
    release: (bytes: number) => void (reserved -= bytes),
  };
  let counted = 0;
  const account = (camera: string, day: string, bytes: number) => {
    counted += bytes;
    if (!memory.folders.has(`/r/${camera}/${day}`)) throw new Error(`No folder ${camera}/${day}`);
  };
  const lines: string[] = [];
  const log = createLog({ clock: new ManualClock(), write: (line) => lines.push(line) });
  const open = () => new MarkFiles({ root: "/r", disk, storage, account, log });
  const text = () => new TextDecoder().decode(memory.content(FILE));
  return {
    memory,
    addMarker,
    disk,
    storage,
    lines,
    marks: open(),
    open,
    text,
    reserved: () => reserved,
    counted: () => counted,
  };
}

function mark(at: number, options: Partial<Mark> = {}): Mark {
  return { at, label: "layer", before: 0, after: 0, keep: false, ...options };
}

Deno.test("MarkFiles stores marks, and lists them by time and label", async () => {
  const { marks, open, memory, counted } = setUp();
  await marks.add("front", mark(NOON + 2000));
  await marks.add("front", mark(NOON, { label: "a: b-c_d.e" }));
  await marks.add("front", mark(MIDNIGHT + 5, { before: 5000, after: 2000, keep: true }));
  await marks.add("back", mark(NOON + 1));
  assertEquals(counted(), memory.used);
  for (const files of [marks, open()]) {
    const all = await files.list("front", -Infinity, Infinity);
    assertEquals(all.map(({ at }) => at), [NOON, NOON + 2000, MIDNIGHT + 5]);
    assertEquals(all[2], mark(MIDNIGHT + 5, { before: 5000, after: 2000, keep: true }));
    const times = async (from: number, to: number, label?: string) =>
      (await files.list("front", from, to, label)).map(({ at }) => at);
    assertEquals(await times(NOON, NOON + 1999), [NOON]);
    assertEquals(await times(NOON + 1, MIDNIGHT + 4), [NOON + 2000]);
    assertEquals(await times(0, Infinity, "layer"), [NOON + 2000, MIDNIGHT + 5]);
    assertEquals(await times(NOON + 1, NOON), []);
    assertEquals(await files.list("garage", 0, Infinity), []);
  }
});

Deno.test("MarkFiles reads only the days of a short period", async () => {
  const { marks, disk, open } = setUp();
  for (let day = 0; day < 10; day++) await marks.add("front", mark(NOON + day * 86_400_000));
  disk.requests.length = 0;
  const files = open();
  await files.list("front", NOON, NOON + 1);
  await files.list("front", NOON, NOON + 1);
  assertEquals(disk.requests.map(({ path }) => path), Array(4).fill(FILE)); // open size read close
});

Deno.test("MarkFiles resolves when a mark is synced, and syncs marks together", async () => {
  const { marks, disk } = setUp();
  disk.hang("sync");
  let added = 0;
  const adding = Array.from(
    { length: 100 },
    (_, n) => marks.add("front", mark(NOON + n)).then(() => added++),
  );
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve));
  assertEquals(added, 0);
  disk.recover();
  await Promise.all(adding);
  assertEquals(added, 100);
  assert(disk.count("sync") <= 2, `${disk.count("sync")} syncs`);
  assertEquals(disk.openFiles, 0);
});

Deno.test("MarkFiles starts a new line after a line that a crash has cut off", async () => {
  const { marks, memory, open, text } = setUp();
  for (let n = 0; n < 3000; n++) await marks.add("front", mark(NOON + n * 1000));
  assertEquals((await open().list("front", 0, Infinity)).length, 3000);
  memory.files.get(FILE)!.resize(memory.files.get(FILE)!.bytes.length - 20);
  const files = open();
  await files.add("front", mark(NOON + 1e7, { label: "next" }));
  for (const each of [files, open()]) {
    const listed = await each.list("front", 0, Infinity);
    assertEquals(listed.length, 3000); // without the torn one, with the next one
    assertEquals(listed.at(-2)!.at, NOON + 2998 * 1000);
    assertEquals(listed.at(-1)!.label, "next");
  }
  assert(text().endsWith("}\n"));
});

Deno.test("MarkFiles ignores lines that are no marks", async () => {
  const { marks, memory, open } = setUp();
  await marks.add("front", mark(NOON));
  const file = memory.files.get(FILE)!;
  const garbage = new TextEncoder().encode(
    '\n\0\0\0\nnull\n[]\n5\n{"at":"x","label":"a"}\n{"at":1}\n{"at":5,"label":"short"}\n{"at":6,"lab',
  );
  const size = file.bytes.length;
  file.resize(size + garbage.length);
  file.bytes.set(garbage, size);
  const listed = await open().list("front", 0, NOON + 1);
  assertEquals(listed, [mark(5, { label: "short" }), mark(NOON)]);
});

Deno.test("MarkFiles reports a failed write, and goes on afterwards", async () => {
  const { disk, storage, open, reserved, memory } = setUp();
  for (const operation of ["makeFolder", "open", "syncFolder", "size", "append", "sync"] as const) {
    const files = open();
    disk.fail("EIO", operation);
    const error = await assertRejects(() => files.add("front", mark(NOON)), StorageError);
    assertStringIncludes((error as Error).message, "Cannot store the mark: The disk reports an");
    assertEquals(reserved(), memory.used);
    disk.recover();
    disk.fail("EIO", "close");
    await files.add("front", mark(NOON, { label: operation }));
    disk.recover();
    assertEquals(reserved(), memory.used);
    const listed = await open().list("front", 0, Infinity);
    assertEquals(listed.map(({ label }) => label), [operation]);
    assertEquals(await files.list("front", 0, Infinity), listed);
    memory.removeAll("/r/front");
    files.forget("front", "2026-11-27");
    assertEquals(await files.list("front", 0, Infinity), []);
    // The rest of the loop starts anew.
    storage.release(reserved());
  }
  assertEquals(disk.openFiles, 0);
});

Deno.test("MarkFiles rejects a mark without room, and a time that no folder can have", async () => {
  const { marks, storage, memory } = setUp();
  await assertRejects(() => marks.add("front", mark(-1)), RangeError);
  await assertRejects(() => marks.add("front", mark(NaN)), RangeError);
  storage.reserve = () => {
    throw new StorageError("The disk is full");
  };
  await assertRejects(
    () => marks.add("front", mark(NOON)),
    StorageError,
    "Cannot store the mark: The disk is full",
  );
  assertEquals([...memory.files.keys()], ["/r/.dinocam"]);
});

Deno.test("MarkFiles writes nothing where the disk of the recordings is not mounted", async () => {
  const { marks, memory, addMarker } = setUp();
  memory.removeAll("/r");
  await assertRejects(() => marks.add("front", mark(NOON)), StorageError, "RECORD_DIR is gone");
  memory.folders.add("/r"); // the folder on which it is to be mounted
  await assertRejects(() => marks.add("front", mark(NOON)), StorageError, "RECORD_DIR is gone");
  assertEquals([...memory.folders], ["/r"]);
  addMarker();
  await marks.add("front", mark(NOON));
  assertEquals((await marks.list("front", 0, Infinity)).length, 1);
});

Deno.test("MarkFiles goes on without a day that cannot be read, and keeps what is around it", async () => {
  const { marks, open, disk, lines } = setUp();
  const day = 86_400_000;
  for (let i = 0; i < 6; i++) await marks.add("front", mark(NOON + i * day));
  await marks.add("front", mark(NOON + 5 * day, { keep: true }));
  const broken = "/r/front/2026-11-29/marks.jsonl";
  disk.onRequest = ({ path }) => {
    if (path === broken) {
      throw new Error(`EISDIR: illegal operation on a directory, open '${path}'`);
    }
  };
  const files = open();
  const listed = await files.list("front", 0, Infinity);
  assertEquals(listed.map(({ at }) => (at - NOON) / day), [0, 1, 3, 4, 5, 5]);
  assertEquals((await files.list("front", NOON + 2 * day, NOON + 3 * day)).length, 1);
  const kept = await Promise.all(
    [0, 1, 2, 3, 4, 5].map((i) => files.keeps("front", NOON + i * day, NOON + i * day)),
  );
  assertEquals(kept, [false, true, true, true, false, true]);
  assertEquals(lines.length, 1);
  const error = await assertRejects(() => files.add("front", mark(NOON + 2 * day)), StorageError);
  assertEquals(
    (error as Error).message,
    "Cannot store the mark: Cannot write to RECORD_DIR: EISDIR: illegal operation on a directory",
  );
});

Deno.test("MarkFiles keeps what belongs to marks with keep, over midnight, too", async () => {
  const { marks, open } = setUp();
  await marks.add("front", mark(MIDNIGHT + 1000, { before: 61_000, after: 500, keep: true }));
  await marks.add("front", mark(NOON, { before: 1e6, after: 1e6 })); // without keep
  for (const files of [marks, open()]) {
    const keeps = (start: number, end: number) => files.keeps("front", start, end);
    assert(await keeps(MIDNIGHT - 60_000, MIDNIGHT - 60_000));
    assert(await keeps(MIDNIGHT - 90_000, MIDNIGHT - 60_000));
    assertFalse(await keeps(MIDNIGHT - 90_000, MIDNIGHT - 60_001));
    assert(await keeps(MIDNIGHT + 1500, MIDNIGHT + 99_000));
    assertFalse(await keeps(MIDNIGHT + 1501, MIDNIGHT + 99_000));
    assertFalse(await keeps(NOON - 1000, NOON + 1000));
    assertFalse(await files.keeps("back", 0, Infinity));
  }
});

Deno.test("MarkFiles reads marks to keep once, and again after a failure", async () => {
  const { marks, disk, open } = setUp();
  await marks.add("front", mark(NOON, { keep: true }));
  const files = open();
  disk.fail("EIO", "open");
  assert(await files.keeps("front", NOON - 5, NOON - 5));
  disk.fail("EIO", "list");
  await assertRejects(() => open().keeps("front", NOON, NOON));
  disk.recover();
  assertFalse(await files.keeps("front", NOON - 5, NOON - 5));
  assert(await files.keeps("front", NOON, NOON));
  disk.requests.length = 0;
  assert(await files.keeps("front", NOON - 5, NOON));
  assertEquals(disk.requests.length, 0);
});
