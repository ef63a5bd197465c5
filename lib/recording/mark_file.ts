import type { Bytes } from "../bytes.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import type { Mark } from "./mark.ts";
import { MARKS_NAME } from "./segment_name.ts";
import type { Storage } from "./storage.ts";

/** Options of a {@link MarkFile}. */
export interface MarkFileOptions {
  readonly disk: Disk;
  readonly storage: Pick<Storage, "reserve" | "release">;
  /** Folder of the camera, and of the day in it; they need not exist. */
  readonly cameraFolder: string;
  readonly dayFolder: string;
  /** Called when bytes have been written. */
  readonly onWrite: (bytes: number) => void;
}

interface Waiting {
  readonly mark: Mark;
  resolve(): void;
  reject(error: unknown): void;
}

/** The marks of a camera on one day: `marks.jsonl`, with one JSON object per line. */
export class MarkFile {
  readonly #options: MarkFileOptions;
  #marks: Promise<Mark[]> | undefined;
  #queue: Waiting[] = [];
  #writing = false;
  #exists = false;
  /** Whether the last line may be incomplete: the next one then starts with a line break. */
  #isTorn = false;

  constructor(options: MarkFileOptions) {
    this.#options = options;
  }

  /** Whether marks are being written. */
  get isBusy(): boolean {
    return this.#writing;
  }

  /** Returns the marks by time. Reads the file once. */
  read(): Promise<readonly Mark[]> {
    this.#marks ??= this.#load().catch((error) => {
      this.#marks = undefined;
      throw error;
    });
    return this.#marks;
  }

  /**
   * Appends a mark; resolves when it is on the disk. Marks that are added while others are written
   * are written together.
   */
  append(mark: Mark): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ mark, resolve, reject });
      if (!this.#writing) this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    await Promise.resolve(); // collects the marks that are added at the same time
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        const marks = await this.read() as Mark[];
        await this.#write(batch.map(({ mark }) => mark));
        for (const { mark } of batch) insert(marks, mark);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = false;
  }

  async #write(marks: readonly Mark[]): Promise<void> {
    const { storage, onWrite } = this.#options;
    const lines = marks.map((mark) => `${JSON.stringify(mark)}\n`).join("");
    const bytes = new TextEncoder().encode((this.#isTorn ? "\n" : "") + lines);
    await storage.reserve(bytes.length);
    try {
      await this.#append(bytes);
      this.#isTorn = false;
    } catch (error) {
      this.#isTorn = true;
      storage.release(bytes.length);
      throw error;
    }
    onWrite(bytes.length);
  }

  async #append(bytes: Bytes): Promise<void> {
    const { cameraFolder, dayFolder, disk } = this.#options;
    if (!this.#exists) {
      await disk.makeFolder(cameraFolder);
      await disk.makeFolder(dayFolder);
    }
    const file = await disk.open(this.#path, "append");
    try {
      if (!this.#exists) { // the name of the file, and that of the day's folder
        await disk.syncFolder(dayFolder);
        await disk.syncFolder(cameraFolder);
      }
      const size = await file.size();
      try {
        await file.append([bytes]);
        await file.sync();
      } catch (error) {
        await file.truncate(size).catch(() => {}); // the next mark begins on a new line anyway
        throw error;
      }
    } finally {
      await file.close().catch(() => {}); // what was synced is on the disk
    }
    this.#exists = true;
  }

  async #load(): Promise<Mark[]> {
    const text = await this.#text();
    this.#exists = text !== undefined;
    this.#isTorn = !!text && !text.endsWith("\n");
    const marks = (text ?? "").split("\n").map(parse).filter((mark) => mark !== undefined);
    return marks.sort((a, b) => a.at - b.at);
  }

  /** Returns the content of the file; undefined if it does not exist. */
  async #text(): Promise<string | undefined> {
    let file: DiskFile;
    try {
      file = await this.#options.disk.open(this.#path, "read");
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
    try {
      const bytes = new Uint8Array(await file.size());
      return new TextDecoder().decode(bytes.subarray(0, await file.readAt(0, bytes)));
    } finally {
      await file.close();
    }
  }

  get #path(): string {
    return `${this.#options.dayFolder}/${MARKS_NAME}`;
  }
}

/** Reads a line; undefined if it is no mark, such as a line that a crash has cut off. */
function parse(line: string): Mark | undefined {
  try {
    const { at, label, before = 0, after = 0, keep = false } = JSON.parse(line);
    const isMark = [at, before, after].every(Number.isFinite) && typeof label === "string" &&
      typeof keep === "boolean";
    return isMark ? { at, label, before, after, keep } : undefined;
  } catch {
    return undefined; // not a whole line
  }
}

/** Inserts a mark by time, behind those of the same time. */
function insert(marks: Mark[], mark: Mark): void {
  let at = marks.length;
  while (at > 0 && marks[at - 1]!.at > mark.at) at--;
  marks.splice(at, 0, mark);
}
