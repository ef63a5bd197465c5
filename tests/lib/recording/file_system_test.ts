import {
  assert,
  assertEquals,
  assertFalse,
  assertGreater,
  assertLess,
  assertRejects,
} from "@std/assert";
import type { Bytes } from "../../../lib/bytes.ts";
import { codeOf, FileSystemDisk } from "../../../lib/recording/file_system.ts";
import { needing } from "../../parts.ts";

const disk = new FileSystemDisk();

Deno.test("FileSystemDisk.append writes small and large buffers in order, after the file's end", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/a`;
  const buffers = [23, 100_000, 23, 10, 32_768, 5, ...Array(2_000).fill(700), 1, 400_000, 0, 3]
    .map(randomBytes);
  const file = await disk.create(path);
  await file.append(buffers.slice(0, 3));
  await file.append(buffers.slice(3));
  await file.close();
  const again = await disk.open(path, "append");
  await again.append([randomBytes(7).fill(9)]);
  assertEquals(await again.size(), (await Deno.stat(path)).size);
  await again.close();
  assertEquals(await Deno.readFile(path), join([...buffers, new Uint8Array(7).fill(9)]));
});

Deno.test("FileSystemDisk.append continues at the end after a truncation", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/a`;
  const file = await disk.create(path);
  await file.append([new Uint8Array([1, 2, 3, 4])]);
  await file.truncate(2);
  await file.append([new Uint8Array([5])]);
  await file.writeAt(0, new Uint8Array([9]));
  await file.append([new Uint8Array([6])]);
  const read = new Uint8Array(10);
  assertEquals(await file.readAt(1, read), 3);
  assertEquals(read.subarray(0, 4), new Uint8Array([2, 5, 6, 0]));
  await file.sync();
  await file.close();
});

Deno.test("FileSystemDisk.create does not overwrite a file", async () => {
  await using folder = await temporaryFolder();
  await (await disk.create(`${folder.path}/a`)).close();
  await rejectsWith("EEXIST", disk.create(`${folder.path}/a`));
  await rejectsWith("ENOENT", disk.create(`${folder.path}/none/a`));
});

Deno.test("FileSystemDisk makes, lists, syncs and removes folders and files", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/camera`;
  await disk.makeFolder(path);
  await disk.makeFolder(path);
  await (await disk.create(`${path}/b`)).close();
  await rejectsWith("EEXIST", disk.makeFolder(`${path}/b`));
  await rejectsWith("ENOENT", disk.makeFolder(`${folder.path}/none/day`));
  await disk.rename(`${path}/b`, `${path}/c`);
  await disk.syncFolder(path);
  assertEquals(await disk.list(path), ["c"]);
  await rejectsWith("ENOTEMPTY", disk.remove(path));
  await disk.remove(`${path}/c`);
  await disk.remove(path);
  await rejectsWith("ENOENT", disk.list(path));
  await rejectsWith("ENOENT", disk.remove(path));
});

Deno.test("FileSystemDisk tells the size of files, folders, and the space of the disk", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/a`, "12345");
  const [file, directory] = [await disk.stat(`${folder.path}/a`), await disk.stat(folder.path)];
  assertEquals([file.size, file.isFolder, directory.isFolder], [5, false, true]);
  assertEquals(file.device, directory.device);
  assert(Math.abs(file.modified - Date.now()) < 60_000);
  const space = await disk.space(folder.path);
  assertGreater(space.free, 0);
  assertGreater(space.size, space.free);
  assertFalse(space.freeFiles <= 0);
});

Deno.test(
  "FileSystemDisk does not wait for a slow disk in the event loop",
  needing("mkfifo", "sh"),
  async () => {
    await using folder = await temporaryFolder();
    const pipe = `${folder.path}/pipe`; // takes 64 KB, then waits for a reader: like a disk that hangs
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    const file = await disk.open(pipe, "append");
    const reader = new Deno.Command("sh", { args: ["-c", 'sleep 1; head -c 500000 "$0"', pipe] });
    const reading = reader.output();
    let [last, late] = [performance.now(), 0];
    const timer = setInterval(() => {
      late = Math.max(late, performance.now() - last);
      last = performance.now();
    }, 5);
    const begun = performance.now();
    await file.writeAt(0, randomBytes(500_000)); // a pipe has no end to append to
    const took = performance.now() - begun;
    clearInterval(timer);
    assertEquals((await reading).stdout.length, 500_000);
    await file.close();
    assertGreater(took, 900);
    assertLess(late, 500);
  },
);

async function temporaryFolder() {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function rejectsWith(code: string, promise: Promise<unknown>): Promise<void> {
  assertEquals(codeOf(await assertRejects(() => promise)), code);
}

function randomBytes(length: number): Bytes {
  return new Uint8Array(length).map(() => Math.random() * 256);
}

function join(parts: readonly Bytes[]): Bytes {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}
