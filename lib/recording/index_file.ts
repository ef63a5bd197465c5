import { explain } from "../errors.ts";
import type { Log } from "../log.ts";
import { type ParsedIndex, parseIndex } from "./day_index.ts";
import type { Disk } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import { INDEX_NAME } from "./segment_name.ts";

/** Options of an {@link IndexFile}. */
export interface IndexFileOptions {
  readonly camera: string;
  /** Name of the day's folder. */
  readonly day: string;
  /** Start of the day, in milliseconds since the Unix epoch. */
  readonly start: number;
  /** Path of the day's folder. */
  readonly path: string;
  readonly disk: Disk;
  readonly log: Log;
}

/** A larger file is no index of ours. In bytes. */
const MAX_SIZE = 256 * 2 ** 20;

/**
 * The file with the index of a day. It is a cache, so failures are logged only. Operations run one
 * after another.
 */
export class IndexFile {
  readonly #options: IndexFileOptions;
  readonly #path: string;
  /** Is called when the size has changed. */
  readonly #onBytes: () => void;
  #bytes = 0;
  #isTorn = false;
  #operations = 0;
  #done = Promise.resolve();
  /** Number of lines that no longer belong to a segment. */
  useless = 0;

  constructor(options: IndexFileOptions, onBytes: () => void) {
    this.#options = options;
    this.#path = `${options.path}/${INDEX_NAME}`;
    this.#onBytes = onBytes;
  }

  /** Size of the file, in bytes; during a write, at least its size at any moment. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the file may lack lines, or end with a part of one, so that it must be written anew. */
  get isTorn(): boolean {
    return this.#isTorn;
  }

  /** Whether an operation is in progress. */
  get isBusy(): boolean {
    return this.#operations > 0;
  }

  /** Resolves when no operation is in progress. */
  get done(): Promise<void> {
    return this.#done;
  }

  /** Reads the file; undefined if it does not exist or cannot be read. */
  async read(): Promise<ParsedIndex & { modified: number } | undefined> {
    const { disk, start } = this.#options;
    try {
      const file = await disk.open(this.#path, "read");
      try {
        const size = await file.size();
        this.#resize(size);
        if (size > MAX_SIZE) throw new Error("it is too large");
        const bytes = new Uint8Array(size);
        const read = bytes.subarray(0, await file.readAt(0, bytes));
        const index = parseIndex(read, this.#options, start);
        this.useless = index.useless;
        this.#isTorn = !index.isWhole;
        return { ...index, modified: (await disk.stat(this.#path)).modified };
      } finally {
        await file.close();
      }
    } catch (error) {
      if (codeOf(error) === "ENOENT") this.#resize(0);
      else this.#warn("index not readable", error);
      return undefined;
    }
  }

  /**
   * Appends a line.
   *
   * @param all Returns all lines, which are written instead if the file is torn; undefined if they
   * are not known.
   */
  append(line: string, all: () => string | undefined): Promise<void> {
    return this.#run(async () => {
      if (this.#isTorn) await this.#writeAll(all());
      else await this.#write(line, { isAll: false });
    });
  }

  /** Writes all lines. */
  rewrite(all: () => string | undefined): Promise<void> {
    return this.#run(() => this.#writeAll(all()));
  }

  /** Removes the file, if the condition holds when its turn has come. */
  remove(condition: () => boolean): Promise<void> {
    return this.#run(async () => {
      if (!condition()) return;
      try {
        await this.#options.disk.remove(this.#path);
      } catch (error) {
        if (codeOf(error) !== "ENOENT") throw error;
      }
      this.forget();
    });
  }

  /** Takes note that somebody has deleted the file. */
  forget(): void {
    this.useless = 0;
    this.#isTorn = false;
    this.#resize(0);
  }

  async #writeAll(text: string | undefined): Promise<void> {
    if (text === undefined) return;
    const { useless } = this;
    await this.#write(text, { isAll: true });
    this.useless -= useless;
  }

  async #write(text: string, { isAll }: { isAll: boolean }): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    this.#isTorn = true; // until it is written
    const file = await this.#options.disk.open(this.#path, "append");
    try {
      // Counted beforehand: the limit of the size holds at every moment.
      this.#resize(isAll ? Math.max(this.#bytes, bytes.length) : this.#bytes + bytes.length);
      if (isAll) await file.truncate(0);
      await file.append([bytes]);
      this.#isTorn = false;
    } finally {
      this.#resize(await file.size());
      await file.close();
    }
  }

  #run(operation: () => Promise<void>): Promise<void> {
    this.#operations++;
    this.#done = this.#done.then(operation)
      .catch((error) => this.#warn("index not written", error))
      .finally(() => this.#operations--);
    return this.#done;
  }

  #resize(bytes: number): void {
    this.#bytes = bytes;
    this.#onBytes();
  }

  #warn(event: string, error: unknown): void {
    const { log, path } = this.#options;
    log.warn(event, { folder: path, reason: explain(error) });
  }
}
