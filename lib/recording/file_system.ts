import * as fs from "node:fs";
import type { Bytes } from "../bytes.ts";
import type { Disk, DiskFile, DiskSpace, DiskStat } from "./disk.ts";

/**
 * Size of the buffer in which an open file joins buffers that are written together, in bytes:
 * joining costs less than an operation for each.
 */
const STAGING = 256 * 1024;

/** The disk of this machine. */
export class FileSystemDisk implements Disk {
  async create(path: string): Promise<DiskFile> {
    return new WritableFile(await Deno.open(path, { createNew: true, read: true, write: true }), 0);
  }

  async open(path: string, mode: "read" | "append"): Promise<DiskFile> {
    if (mode === "read") {
      return new ReadableFile(await call<number>((done) => fs.open(path, "r", done)));
    }
    return new WritableFile(await Deno.open(path, { create: true, read: true, write: true }));
  }

  rename(from: string, to: string): Promise<void> {
    return call((done) => fs.rename(from, to, done));
  }

  async remove(path: string): Promise<void> {
    try {
      await call((done) => fs.unlink(path, done));
    } catch (error) {
      if (!["EISDIR", "EPERM"].includes(codeOf(error)!)) throw error;
      await call((done) => fs.rmdir(path, done));
    }
  }

  async makeFolder(path: string): Promise<void> {
    try {
      await call((done) => fs.mkdir(path, (error) => done(error)));
    } catch (error) {
      if (codeOf(error) !== "EEXIST" || !(await this.stat(path)).isFolder) throw error;
    }
  }

  list(path: string): Promise<string[]> {
    return call<string[]>((done) => fs.readdir(path, done));
  }

  async listFiles(path: string): Promise<string[]> {
    const entries = await call<fs.Dirent[]>((done) =>
      fs.readdir(path, { withFileTypes: true }, done)
    );
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  async stat(path: string): Promise<DiskStat> {
    const stat = await call<fs.Stats>((done) => fs.stat(path, done));
    const { size, dev: device, mtimeMs: modified } = stat;
    return { isFolder: stat.isDirectory(), size, device, modified };
  }

  async space(path: string): Promise<DiskSpace> {
    const { bavail, blocks, bsize, ffree, files } = await call<fs.StatsFs>((done) =>
      fs.statfs(path, done)
    );
    return {
      free: bavail * bsize, // `bfree` has the blocks that are reserved for root, too
      size: blocks * bsize,
      freeFiles: files > 0 ? ffree : Infinity, // such as Btrfs and exFAT
    };
  }

  async syncFolder(path: string): Promise<void> {
    const folder = await call<number>((done) => fs.open(path, "r", done));
    try {
      await call((done) => fs.fsync(folder, done));
    } finally {
      await call((done) => fs.close(folder, done));
    }
  }
}

/** A file that is read, at any position. */
class ReadableFile implements DiskFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  async readAt(position: number, into: Bytes): Promise<number> {
    return await fill(
      into,
      (at) =>
        call<number>((done) =>
          fs.read(this.#descriptor, into, at, into.length - at, position + at, done)
        ),
    );
  }

  async size(): Promise<number> {
    return (await call<fs.Stats>((done) => fs.fstat(this.#descriptor, done))).size;
  }

  close(): Promise<void> {
    return call((done) => fs.close(this.#descriptor, done));
  }

  append = rejectWriting;
  writeAt = rejectWriting;
  truncate = rejectWriting;
  sync = rejectWriting;
}

function rejectWriting(): Promise<never> {
  return Promise.reject(new TypeError("The file is open for reading only"));
}

/**
 * A file that is written. Calls must not overlap.
 *
 * It does not use `node:fs`: in Deno 2.9 `fs.write` and `fs.writev` wait for the disk in the event
 * loop, as if they were synchronous. While a disk hangs, so would the server.
 */
class WritableFile implements DiskFile {
  readonly #file: Deno.FsFile;
  /** Where the next operation reads or writes; unknown after one has failed. */
  #position: number | undefined = 0;
  /** Where the file ends; unknown until it is needed, and after a failed operation. */
  #size: number | undefined;
  #staging: Bytes | undefined;

  constructor(file: Deno.FsFile, size?: number) {
    this.#file = file;
    this.#size = size;
  }

  async append(buffers: readonly Bytes[]): Promise<void> {
    const end = this.#size ?? await this.size();
    this.#size = undefined;
    await this.#moveTo(end);
    let staged = 0;
    const writeStaged = async () => {
      await this.#write(this.#staging!.subarray(0, staged));
      staged = 0;
    };
    for (const bytes of buffers) {
      if (staged > 0 && staged + bytes.length > STAGING) await writeStaged();
      if (bytes.length > STAGING) {
        await this.#write(bytes);
        continue;
      }
      this.#staging ??= new Uint8Array(STAGING);
      this.#staging.set(bytes, staged);
      staged += bytes.length;
    }
    if (staged > 0) await writeStaged();
    this.#size = this.#position;
  }

  async writeAt(position: number, bytes: Bytes): Promise<void> {
    const size = this.#size;
    this.#size = undefined;
    await this.#moveTo(position);
    await this.#write(bytes);
    if (size !== undefined) this.#size = Math.max(size, position + bytes.length);
  }

  async readAt(position: number, into: Bytes): Promise<number> {
    await this.#moveTo(position);
    this.#position = undefined;
    const count = await fill(into, async (at) => await this.#file.read(into.subarray(at)) ?? 0);
    this.#position = position + count;
    return count;
  }

  sync(): Promise<void> {
    return this.#file.syncData();
  }

  async truncate(size: number): Promise<void> {
    this.#size = undefined;
    await this.#file.truncate(size);
    this.#size = size;
  }

  async size(): Promise<number> {
    try {
      return (await this.#file.stat()).size;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
    }
    // Deno 2.9 refuses only this where a part of the path is a link.
    this.#position = undefined;
    return this.#position = await this.#file.seek(0, Deno.SeekMode.End);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#file.close();
      resolve();
    });
  }

  async #moveTo(position: number): Promise<void> {
    if (position === this.#position) return;
    this.#position = undefined;
    this.#position = await this.#file.seek(position, Deno.SeekMode.Start);
  }

  async #write(bytes: Bytes): Promise<void> {
    const start = this.#position!;
    this.#position = undefined;
    // The kernel may take a part, as of a disk that gets full.
    for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
    this.#position = start + bytes.length;
  }
}

/** Reads until a buffer is full or the file ends. @returns Number of bytes read. */
async function fill(into: Bytes, read: (at: number) => Promise<number>): Promise<number> {
  let at = 0;
  while (at < into.length) {
    const count = await read(at);
    if (count === 0) break;
    at += count;
  }
  return at;
}

/** Returns the code of a failed operation of a {@link Disk}, such as `ENOSPC`. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** Calls a function of `node:fs` with a callback. */
function call<T = void>(
  operation: (done: (error: Error | null | undefined, result?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) =>
    operation((error, result) => error ? reject(error) : resolve(result as T))
  );
}

/** Returns the names in a folder; none if it does not exist. */
export async function listOrNone(disk: Pick<Disk, "list">, folder: string): Promise<string[]> {
  try {
    return await disk.list(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}
