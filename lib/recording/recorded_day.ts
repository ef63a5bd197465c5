import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Log } from "../log.ts";
import { indexLine, indexText, type ParsedIndex } from "./day_index.ts";
import type { Disk } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import { IndexFile } from "./index_file.ts";
import type { Segment } from "./segment.ts";
import { importSegment } from "./segment_import.ts";
import { isTemporaryName, MARKS_NAME, parseSegmentName } from "./segment_name.ts";
import { SegmentTable } from "./segment_table.ts";

/** Options of {@link RecordedDay}. */
export interface RecordedDayOptions {
  readonly camera: string;
  /** Name of the day's folder. */
  readonly day: string;
  /** Start of the day, in milliseconds since the Unix epoch. */
  readonly start: number;
  /** Path of the day's folder. */
  readonly path: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether a segment is being recorded. */
  readonly isOpen: (name: string) => boolean;
  /**
   * Whether a recorder of this process may be writing a segment with this number, or a segment
   * without a head.
   */
  readonly mayBeOpen: (number: number | undefined) => boolean;
  /** Number of files that are read at the same time. */
  readonly concurrency: () => number;
  /** Is called with each change of {@link RecordedDay.bytes}. */
  readonly onBytes: (change: number) => void;
  /** Is called for each file that is read, as the index lacks it. */
  readonly onProgress: (done: number, of: number) => void;
  /** Is called when the folder has been read. */
  readonly onScan: (summary: DaySummary) => void;
}

/** What the segments of a day have in common. */
export interface DaySummary {
  readonly segments: number;
  /** Time of the first frame; `Infinity` without segments. */
  readonly start: number;
  /** Time of the last frame; `-Infinity` without segments. */
  readonly end: number;
  /** The earliest end of a segment. */
  readonly firstEnd: number;
  /** Whether the segments end in the order in which they start. */
  readonly isOrdered: boolean;
  readonly maxNumber: number;
  /** Size of the segments, in bytes. */
  readonly bytes: number;
}

/**
 * The closed segments of one day of a camera, and their index. The segments are loaded when they
 * are needed, and can be unloaded.
 */
export class RecordedDay {
  readonly #options: RecordedDayOptions;
  readonly #index: IndexFile;
  #table: SegmentTable | undefined;
  #loading: Promise<SegmentTable> | undefined;
  #isScanned = false;
  /** When the folder had changed last, as far as known. */
  #modified: number | undefined;
  #summary = summarize(undefined);
  /** Size of marks, and of files that cannot be read, in bytes. */
  #otherBytes = 0;
  #bytes = 0;
  /** Names of the segments that their recorder could not close: they have no line in the index. */
  readonly #unclosed = new Set<string>();

  constructor(options: RecordedDayOptions) {
    this.#options = options;
    this.#index = new IndexFile(options, () => this.#count());
  }

  /** Name of the day's folder. */
  get day(): string {
    return this.#options.day;
  }

  /** Start of the day, in milliseconds since the Unix epoch. */
  get start(): number {
    return this.#options.start;
  }

  /** Path of the day's folder. */
  get path(): string {
    return this.#options.path;
  }

  /** Whether the folder has been read; otherwise summary and sizes are those of an empty folder. */
  get isScanned(): boolean {
    return this.#isScanned;
  }

  get summary(): DaySummary {
    return this.#summary;
  }

  /** Size of all files of ours in the folder, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The segments, if they are loaded. */
  get table(): SegmentTable | undefined {
    return this.#table;
  }

  /** Declares that the folder is new, and so empty. */
  begin(): void {
    this.#table = this.#emptyTable();
    this.#isScanned = true;
  }

  /** Loads the segments. The first time, the folder is compared with its index. */
  load(): Promise<SegmentTable> {
    if (this.#table) return Promise.resolve(this.#table);
    this.#loading ??= this.#load().finally(() => this.#loading = undefined);
    return this.#loading;
  }

  /**
   * Releases the memory of the segments.
   *
   * @returns false if that is not possible now.
   */
  unload(): boolean {
    if (this.#index.isBusy || !this.#table) return false;
    if (this.#index.useless > 0 && !this.#index.isTorn) {
      this.#rewrite(); // it will be read instead of the folder
      return false;
    }
    this.#table = undefined;
    return true;
  }

  /**
   * Adds a segment. The segments must be loaded.
   *
   * @param options.isClosed Whether its file is complete.
   * @returns A promise that resolves when the index is written.
   */
  put(segment: Segment, { isClosed = true } = {}): Promise<void> {
    const name = parseSegmentName(segment.name);
    if (!name || !this.#table) throw new RangeError(`Cannot add segment "${segment.name}"`);
    if (this.#table.find(name) >= 0) this.#index.useless++;
    const { number, start, end, frames, bytes, thinnedTo, activity } = segment;
    this.#table.put({
      ...{ ...name, number, duration: end - start },
      ...{ frames, bytes, thinnedTo, activity },
    });
    this.#update();
    if (!isClosed) {
      this.#unclosed.add(segment.name);
      return Promise.resolve();
    }
    this.#unclosed.delete(segment.name);
    return this.#index.append(indexLine(segment), () => this.#text());
  }

  /** Removes a segment whose file is gone. @returns Whether it was there. */
  async remove(name: string): Promise<boolean> {
    const table = await this.load();
    const parsed = parseSegmentName(name);
    const i = parsed ? table.find(parsed) : -1;
    if (i < 0) return false;
    table.remove(i);
    if (!this.#unclosed.delete(name)) this.#index.useless++;
    this.#update();
    return true;
  }

  /**
   * Removes the index and the folder if no segment is left. A folder with marks or other files
   * stays.
   *
   * @returns Whether the folder was removed.
   */
  async removeEmpty(): Promise<boolean> {
    const isEmpty = () => this.#isScanned && this.#summary.segments === 0;
    if (!isEmpty()) return false;
    await this.#index.remove(isEmpty);
    if (this.#otherBytes > 0 || !isEmpty()) return false;
    const { disk, path } = this.#options;
    return await disk.remove(path).then(() => true, (error) => codeOf(error) === "ENOENT");
  }

  /** Whether the folder has changed since the last call, or since it was read. */
  async hasChanged(): Promise<boolean> {
    const { disk, path } = this.#options;
    const { modified } = await ignore(disk.stat(path), "ENOENT") ?? {};
    const hasChanged = modified !== this.#modified;
    this.#modified = modified;
    return hasChanged;
  }

  /** Removes the segments whose files somebody has deleted. @returns Their number. */
  async removeMissing(): Promise<number> {
    const { disk, path } = this.#options;
    const table = await this.load();
    const known = Array.from({ length: table.length }, (_, i) => table.segment(i).name);
    const names = new Set(await disk.list(path));
    const missing = known.filter((name) => !names.has(name));
    for (const name of missing) await this.remove(name);
    return missing.length;
  }

  /** Takes note that somebody has deleted the folder. @returns Number of its segments. */
  async clear(): Promise<number> {
    await this.#loading?.catch(() => {}); // its caller gets the error
    await this.#index.done;
    const { segments } = this.#summary;
    this.#table = this.#emptyTable();
    this.#isScanned = true;
    this.#otherBytes = 0;
    this.#unclosed.clear();
    this.#index.forget();
    this.#update();
    return segments;
  }

  /** Counts bytes that were written to another file in the folder: marks. */
  account(bytes: number): void {
    if (!this.#isScanned) return; // will be counted then
    this.#otherBytes += bytes;
    this.#count();
  }

  /** Waits for writes of the index. */
  flush(): Promise<void> {
    return this.#index.done;
  }

  async #load(): Promise<SegmentTable> {
    await this.#index.done;
    if (this.#isScanned && !this.#index.isTorn) {
      const index = await this.#index.read();
      if (index && this.#isExpected(index)) return this.#table = index.table;
    }
    return await this.#scan();
  }

  /** Whether an index has the segments that there were before they were unloaded. */
  #isExpected({ table, useless, isWhole }: ParsedIndex): boolean {
    const { segments, bytes } = summarize(table);
    return useless === 0 && isWhole && segments === this.#summary.segments &&
      bytes === this.#summary.bytes;
  }

  /** Reads the folder: its regular files. Segments without a valid line in the index are read from their files. */
  async #scan(): Promise<SegmentTable> {
    const { disk, path } = this.#options;
    const folder = await disk.stat(path);
    const names = await disk.listFiles(path); // to open a pipe would never end
    const index = await this.#index.read();
    const table = index?.table ?? this.#emptyTable();
    if (!this.#isScanned) await this.#removeTemporary(names);
    const missing = this.#compare(names, table);
    if (index && folder.modified > index.modified) {
      for (const name of await this.#changed(table)) {
        missing.push(name);
        table.remove(table.find(parseSegmentName(name)!));
        this.#index.useless++;
      }
    }
    const unreadable = await this.#import(missing, table);
    const marks = await ignore(disk.stat(`${path}/${MARKS_NAME}`), "ENOENT");
    this.#table = table;
    this.#isScanned = true;
    this.#modified = folder.modified;
    this.#otherBytes = (marks?.size ?? 0) + unreadable;
    this.#update();
    this.#options.onScan(this.#summary);
    const isUseful = this.#index.useless <= table.length / 2;
    if (this.#index.isTorn || missing.length > 0 || !isUseful) this.#rewrite();
    return table;
  }

  /**
   * Removes segments from a table whose file does not exist.
   *
   * @returns The names of segments that the table lacks.
   */
  #compare(names: readonly string[], table: SegmentTable): string[] {
    const missing: string[] = [];
    const present = new Set<number>();
    for (const name of names) {
      const parsed = parseSegmentName(name);
      const i = parsed ? table.find(parsed) : -1;
      if (i >= 0) present.add(i);
      else if (parsed && !this.#options.isOpen(name)) missing.push(name);
    }
    for (let i = table.length - 1; i >= 0; i--) {
      if (present.has(i)) continue;
      table.remove(i);
      this.#index.useless++;
    }
    return missing;
  }

  /** Returns the names of segments whose file has another size than in the index, or is gone. */
  async #changed(table: SegmentTable): Promise<string[]> {
    const { disk, path, concurrency } = this.#options;
    const changed: string[] = [];
    const rows = Array.from({ length: table.length }, (_, i) => i);
    await concurrently(rows, concurrency(), async (i) => {
      const { name, bytes } = table.segment(i);
      const size = await disk.stat(`${path}/${name}`).then(({ size }) => size, () => undefined);
      if (size !== bytes) changed.push(name);
    });
    return changed;
  }

  /**
   * Reads segments from their files.
   *
   * @returns The size of files that cannot be read, in bytes.
   */
  async #import(names: readonly string[], table: SegmentTable): Promise<number> {
    const { path, disk, camera, log, concurrency, onProgress } = this.#options;
    let [done, unreadable] = [0, 0];
    await concurrently(names, concurrency(), async (name) => {
      const file = `${path}/${name}`;
      try {
        await this.#importOne(name, table);
      } catch (error) {
        if (codeOf(error) !== "ENOENT") {
          log.error("recording not readable", { camera, file, reason: explain(error) });
          unreadable += await disk.stat(file).then(({ size }) => size, () => 0);
        }
      }
      onProgress(++done, names.length);
    });
    return unreadable;
  }

  async #importOne(name: string, table: SegmentTable): Promise<void> {
    const { path, camera, day, isOpen, mayBeOpen } = this.#options;
    const found = await importSegment({ camera, day, name }, `${path}/${name}`, {
      ...this.#options,
      isOpen: () => isOpen(name),
      mayBeOpen: (number) => !this.#unclosed.has(name) && mayBeOpen(number),
    });
    if (!found) return;
    table.put({ ...parseSegmentName(name)!, ...found });
    if (found.isComplete) this.#unclosed.delete(name);
    else this.#unclosed.add(name);
  }

  /** Removes temporary files of thinning, which an earlier process has left. */
  async #removeTemporary(names: readonly string[]): Promise<void> {
    const { disk, path } = this.#options;
    for (const name of names.filter(isTemporaryName)) {
      await ignore(disk.remove(`${path}/${name}`), "ENOENT");
    }
  }

  #rewrite(): void {
    void this.#index.rewrite(() => this.#text());
  }

  /** Returns the lines of the index; undefined if the segments are not loaded. */
  #text(): string | undefined {
    return this.#table && indexText(this.#table, (name) => !this.#unclosed.has(name));
  }

  #update(): void {
    this.#summary = summarize(this.#table);
    this.#count();
  }

  #count(): void {
    const bytes = this.#summary.bytes + this.#index.bytes + this.#otherBytes;
    const change = bytes - this.#bytes;
    this.#bytes = bytes;
    if (change !== 0) this.#options.onBytes(change);
  }

  #emptyTable(): SegmentTable {
    return new SegmentTable(this.#options, this.start);
  }
}

function summarize(table: SegmentTable | undefined): DaySummary {
  let [start, end, firstEnd] = [Infinity, -Infinity, Infinity];
  let [isOrdered, maxNumber, bytes] = [true, 0, 0];
  for (let i = 0; i < (table?.length ?? 0); i++) {
    const [from, to] = [table!.start(i), table!.end(i)];
    start = Math.min(start, from);
    if (to < end) isOrdered = false;
    else end = to;
    firstEnd = Math.min(firstEnd, to);
    maxNumber = Math.max(maxNumber, table!.number(i));
    bytes += table!.bytes(i);
  }
  return { segments: table?.length ?? 0, start, end, firstEnd, isOrdered, maxNumber, bytes };
}

/** Calls a function for all items, some at the same time. */
async function concurrently<T>(
  items: readonly T[],
  concurrency: number,
  call: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  await Promise.all(Array.from({ length: concurrency }, async () => {
    for (const item of rest) await call(item);
  }));
}

/** Returns undefined if a promise is rejected with an error that has this code. */
async function ignore<T>(promise: Promise<T>, code: string): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (codeOf(error) !== code) throw error;
  }
}
