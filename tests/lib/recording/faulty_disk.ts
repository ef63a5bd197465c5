import type { Bytes } from "../../../lib/bytes.ts";
import type { Disk, DiskFile, DiskSpace, DiskStat } from "../../../lib/recording/disk.ts";

/** An error as a {@link Disk} reports it. */
export class DiskError extends Error {
  constructor(readonly code: string) {
    super(`${code}: injected`);
  }
}

/** A disk in memory with a limited size. */
export class MemoryDisk implements Disk {
  /** Contents by path. */
  readonly files = new Map<string, MemoryFile>();
  readonly folders = new Set<string>();
  /** Number of the file system; see {@link DiskStat.device}. */
  device = 1;
  /** Size of the disk, in bytes. */
  size = Infinity;
  /** Times of changes. */
  now = () => 0;

  constructor(...folders: string[]) {
    for (const folder of folders) this.folders.add(folder);
  }

  /** Sum of the sizes of all files. */
  get used(): number {
    return [...this.files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  create(path: string): Promise<DiskFile> {
    return attempt(() => {
      this.#needFolder(path);
      if (this.files.has(path) || this.folders.has(path)) throw new DiskError("EEXIST");
      return new MemoryHandle(this, this.#add(path));
    });
  }

  open(path: string, mode: "read" | "append"): Promise<DiskFile> {
    return attempt(() => {
      let file = this.files.get(path);
      if (!file && mode === "read") throw new DiskError("ENOENT");
      if (!file) this.#needFolder(path);
      file ??= this.#add(path);
      return new MemoryHandle(this, file);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return attempt(() => {
      const file = this.files.get(from);
      if (!file) throw new DiskError("ENOENT");
      this.#needFolder(to);
      this.files.delete(from);
      this.files.set(to, file);
    });
  }

  remove(path: string): Promise<void> {
    return attempt(() => {
      if (this.files.delete(path)) return;
      if (!this.folders.has(path)) throw new DiskError("ENOENT");
      if (this.#names(path).length > 0) throw new DiskError("ENOTEMPTY");
      this.folders.delete(path);
    });
  }

  /** Removes a file or a folder with all that it contains. */
  removeAll(path: string): void {
    for (const places of [this.files, this.folders]) {
      for (const place of [...places.keys()]) {
        if (place === path || place.startsWith(`${path}/`)) places.delete(place);
      }
    }
  }

  makeFolder(path: string): Promise<void> {
    return attempt(() => {
      if (this.files.has(path)) throw new DiskError("EEXIST");
      if (this.folders.has(path)) return;
      this.#needFolder(path);
      this.folders.add(path);
    });
  }

  list(path: string): Promise<string[]> {
    return attempt(() => {
      if (!this.folders.has(path)) throw new DiskError("ENOENT");
      return this.#names(path);
    });
  }

  async listFiles(path: string): Promise<string[]> {
    return (await this.list(path)).filter((name) => this.files.has(`${path}/${name}`));
  }

  stat(path: string): Promise<DiskStat> {
    return attempt(() => {
      const file = this.files.get(path);
      if (!file && !this.folders.has(path)) throw new DiskError("ENOENT");
      return {
        isFolder: !file,
        size: file?.bytes.length ?? 0,
        device: this.device,
        modified: file?.modified ?? 0,
      };
    });
  }

  space(): Promise<DiskSpace> {
    return Promise.resolve({
      free: this.size - this.used,
      size: this.size,
      freeFiles: Infinity,
    });
  }

  syncFolder(path: string): Promise<void> {
    return this.list(path).then(() => {});
  }

  /** Returns the content of a file. */
  content(path: string): Bytes {
    const file = this.files.get(path);
    if (!file) throw new Error(`No file ${path}`);
    return file.bytes.slice();
  }

  #add(path: string): MemoryFile {
    const file = new MemoryFile();
    file.modified = this.now();
    this.files.set(path, file);
    return file;
  }

  #needFolder(path: string): void {
    const folder = path.slice(0, path.lastIndexOf("/"));
    if (!this.folders.has(folder)) throw new DiskError("ENOENT");
  }

  #names(folder: string): string[] {
    const prefix = `${folder}/`;
    return [...this.files.keys(), ...this.folders]
      .filter((path) => path.startsWith(prefix) && !path.slice(prefix.length).includes("/"))
      .map((path) => path.slice(prefix.length));
  }
}

/** A file of a {@link MemoryDisk}. */
export class MemoryFile {
  bytes: Bytes = new Uint8Array();
  modified = 0;
  #buffer = new Uint8Array(1024);

  /** Changes the size; new bytes are zeros. */
  resize(size: number): void {
    const old = this.bytes.length;
    if (size > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(size, this.#buffer.length * 2));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    if (size > old) this.#buffer.fill(0, old, size);
    this.bytes = this.#buffer.subarray(0, size);
  }
}

class MemoryHandle implements DiskFile {
  readonly #disk: MemoryDisk;
  readonly #file: MemoryFile;

  constructor(disk: MemoryDisk, file: MemoryFile) {
    this.#disk = disk;
    this.#file = file;
  }

  append(buffers: readonly Bytes[]): Promise<void> {
    return attempt(() => {
      for (const bytes of buffers) this.#write(this.#file.bytes.length, bytes);
    });
  }

  writeAt(position: number, bytes: Bytes): Promise<void> {
    return attempt(() => this.#write(position, bytes));
  }

  #write(position: number, bytes: Bytes): void {
    const end = Math.max(position + bytes.length, this.#file.bytes.length);
    const missing = this.#disk.used - this.#file.bytes.length + end - this.#disk.size;
    const count = missing > 0 ? Math.max(0, bytes.length - missing) : bytes.length;
    this.#file.resize(Math.max(position + count, this.#file.bytes.length));
    this.#file.bytes.set(bytes.subarray(0, count), position);
    this.#file.modified = this.#disk.now();
    if (count < bytes.length) throw new DiskError("ENOSPC"); // a part is written
  }

  readAt(position: number, into: Bytes): Promise<number> {
    return attempt(() => {
      const bytes = this.#file.bytes.subarray(position, position + into.length);
      into.set(bytes);
      return bytes.length;
    });
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  truncate(size: number): Promise<void> {
    return attempt(() => this.#file.resize(size));
  }

  size(): Promise<number> {
    return Promise.resolve(this.#file.bytes.length);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** An operation of a disk or of a file. */
export type Operation = Exclude<keyof Disk, "open"> | "open" | keyof DiskFile;

/** An operation that a {@link FaultyDisk} is asked for. */
export interface Request {
  readonly operation: Operation;
  readonly path: string;
}

/**
 * A disk with faults beneath the recorder: operations that fail, hang, or are counted. The disk
 * beneath can be a {@link MemoryDisk} or a real one.
 */
export class FaultyDisk implements Disk {
  /** Every operation so far, in order. */
  readonly requests: Request[] = [];
  /** Operations that have begun and not ended, by path; and their maximum. */
  readonly inFlight = new Map<string, number>();
  maxInFlight = 0;
  /** Files that are open. */
  openFiles = 0;
  /** Called before each operation; throws the error that it is to fail with. */
  onRequest: (request: Request) => void | Promise<void> = () => {};

  readonly #disk: Disk;
  readonly #failures = new Map<Operation, string>();
  readonly #hanging = new Map<Operation, PromiseWithResolvers<void>>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Lets operations fail from now on, with a code such as `EIO`. */
  fail(code: string, ...operations: Operation[]): void {
    for (const operation of operations) this.#failures.set(operation, code);
  }

  /** Lets operations hang from now on, until {@link recover}. */
  hang(...operations: Operation[]): void {
    for (const operation of operations) this.#hanging.set(operation, Promise.withResolvers());
  }

  /** Ends all faults: what hangs goes on. */
  recover(): void {
    this.#failures.clear();
    for (const { resolve } of this.#hanging.values()) resolve();
    this.#hanging.clear();
  }

  /** Number of requests for an operation so far. */
  count(operation: Operation): number {
    return this.requests.filter((request) => request.operation === operation).length;
  }

  create(path: string): Promise<DiskFile> {
    return this.#file("create", path, () => this.#disk.create(path));
  }

  open(path: string, mode: "read" | "append"): Promise<DiskFile> {
    return this.#file("open", path, () => this.#disk.open(path, mode));
  }

  rename(from: string, to: string): Promise<void> {
    return this.request("rename", from, () => this.#disk.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.request("remove", path, () => this.#disk.remove(path));
  }

  makeFolder(path: string): Promise<void> {
    return this.request("makeFolder", path, () => this.#disk.makeFolder(path));
  }

  list(path: string): Promise<string[]> {
    return this.request("list", path, () => this.#disk.list(path));
  }

  listFiles(path: string): Promise<string[]> {
    return this.request("list", path, () => this.#disk.listFiles(path));
  }

  stat(path: string): Promise<DiskStat> {
    return this.request("stat", path, () => this.#disk.stat(path));
  }

  space(path: string): Promise<DiskSpace> {
    return this.request("space", path, () => this.#disk.space(path));
  }

  syncFolder(path: string): Promise<void> {
    return this.request("syncFolder", path, () => this.#disk.syncFolder(path));
  }

  /** Runs an operation with the faults that are set. */
  async request<T>(operation: Operation, path: string, run: () => Promise<T>): Promise<T> {
    this.requests.push({ operation, path });
    const inFlight = (this.inFlight.get(path) ?? 0) + 1;
    this.inFlight.set(path, inFlight);
    this.maxInFlight = Math.max(this.maxInFlight, inFlight);
    try {
      await this.onRequest({ operation, path });
      await this.#hanging.get(operation)?.promise;
      const code = this.#failures.get(operation);
      if (code) throw new DiskError(code);
      return await run();
    } finally {
      this.inFlight.set(path, this.inFlight.get(path)! - 1);
    }
  }

  async #file(
    operation: "create" | "open",
    path: string,
    open: () => Promise<DiskFile>,
  ): Promise<DiskFile> {
    const file = await this.request(operation, path, open);
    this.openFiles++;
    const request = <T>(name: keyof DiskFile, run: () => Promise<T>) =>
      this.request(name, path, run);
    return {
      append: (buffers) => request("append", () => file.append(buffers)),
      writeAt: (position, bytes) => request("writeAt", () => file.writeAt(position, bytes)),
      readAt: (position, into) => request("readAt", () => file.readAt(position, into)),
      sync: () => request("sync", () => file.sync()),
      truncate: (size) => request("truncate", () => file.truncate(size)),
      size: () => request("size", () => file.size()),
      close: () => {
        this.openFiles--;
        return request("close", () => file.close());
      },
    };
  }
}

/** Runs a function, and turns what it throws into a rejection. */
async function attempt<T>(run: () => T): Promise<T> {
  return await run();
}
