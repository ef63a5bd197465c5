import * as fs from "node:fs";
import type { Bytes } from "../bytes.ts";
import type { Disk, DiskFile, DiskSpace, DiskStat } from "./disk.ts";

/**
 * Size of the buffer in which an open file joins small writes, in bytes. Joining costs less than an
 * operation for each; `fs.writev` of Deno joins all buffers in new memory, which costs more.
 */
const STAGING = 256 * 1024;
/** Buffers of this size and more are written as they are, without a copy. */
const LARGE = 32 * 1024;

/** The disk of this machine. */
export class FileSystemDisk implements Disk {
  async create(path: string): Promise<DiskFile> {
    return new OpenFile(await call<number>((done) => fs.open(path, "wx+", done)), 0);
  }

  async open(path: string, mode: "read" | "append"): Promise<DiskFile> {
    const { O_RDONLY, O_RDWR, O_CREAT } = fs.constants;
    const flags = mode === "read" ? O_RDONLY : O_RDWR | O_CREAT;
    return new OpenFile(await call<number>((done) => fs.open(path, flags, done)));
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

class OpenFile implements DiskFile {
  readonly #descriptor: number;
  /** Where the file ends; unknown until it is needed, and after a failed write. */
  #size: number | undefined;
  #staging: Bytes | undefined;

  constructor(descriptor: number, size?: number) {
    this.#descriptor = descriptor;
    this.#size = size;
  }

  async append(buffers: readonly Bytes[]): Promise<void> {
    let end = this.#size ?? await this.size();
    this.#size = undefined;
    let staged = 0;
    for (const bytes of buffers) {
      if (staged > 0 && staged + bytes.length > STAGING) {
        await this.writeAt(end, this.#staging!.subarray(0, staged));
        end += staged;
        staged = 0;
      }
      if (bytes.length < LARGE) {
        this.#staging ??= new Uint8Array(STAGING);
        this.#staging.set(bytes, staged);
        staged += bytes.length;
        continue;
      }
      if (staged > 0) await this.writeAt(end, this.#staging!.subarray(0, staged));
      await this.writeAt(end + staged, bytes);
      end += staged + bytes.length;
      staged = 0;
    }
    if (staged > 0) await this.writeAt(end, this.#staging!.subarray(0, staged));
    this.#size = end + staged;
  }

  async writeAt(position: number, bytes: Bytes): Promise<void> {
    for (let at = 0; at < bytes.length;) { // the kernel may take a part, as of a disk that gets full
      at += await call<number>((done) =>
        fs.write(this.#descriptor, bytes, at, bytes.length - at, position + at, done)
      );
    }
    if (this.#size !== undefined) this.#size = Math.max(this.#size, position + bytes.length);
  }

  async readAt(position: number, into: Bytes): Promise<number> {
    let at = 0;
    while (at < into.length) {
      const count = await call<number>((done) =>
        fs.read(this.#descriptor, into, at, into.length - at, position + at, done)
      );
      if (count === 0) break;
      at += count;
    }
    return at;
  }

  sync(): Promise<void> {
    return call((done) => fs.fdatasync(this.#descriptor, done));
  }

  async truncate(size: number): Promise<void> {
    this.#size = undefined;
    await call((done) => fs.ftruncate(this.#descriptor, size, done));
    this.#size = size;
  }

  async size(): Promise<number> {
    return (await call<fs.Stats>((done) => fs.fstat(this.#descriptor, done))).size;
  }

  close(): Promise<void> {
    return call((done) => fs.close(this.#descriptor, done));
  }
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
