import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Log } from "../log.ts";
import { CLUSTER_HEADER, HEAD_SIZE } from "../matroska/mod.ts";
import { ActivityMeter } from "./activity.ts";
import { indexLine, indexText, parseIndex } from "./day_index.ts";
import type { Disk } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import { inspect, repair } from "./repair.ts";
import { GrowingSegment } from "./open_segment.ts";
import type { Segment, SegmentPlace } from "./segment.ts";
import {
  INDEX_NAME,
  isTemporaryName,
  MARKS_NAME,
  parseSegmentName,
  type SegmentName,
} from "./segment_name.ts";
import type { SegmentContent } from "./segment_reader.ts";
import { type SegmentRow, SegmentTable } from "./segment_table.ts";

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

type Row = Omit<SegmentRow, keyof SegmentName>;

/** A file without a head that was changed in this period may belong to a recorder that opens it. */
const OPENING = 60_000;

/**
 * The closed segments of one day of a camera, and their index. The segments are loaded when they
 * are needed, and can be unloaded.
 */
export class RecordedDay {
  readonly #options: RecordedDayOptions;
  #table: SegmentTable | undefined;
  #loading: Promise<SegmentTable> | undefined;
  #isScanned = false;
  /** When the folder had changed last, as far as known. */
  #modified: number | undefined;
  #summary = summarize(undefined);
  /** Sizes of the index, and of marks and other files that are ours, in bytes. */
  #indexBytes = 0;
  #otherBytes = 0;
  #bytes = 0;
  /** Number of lines in the index that are not in the table, or have changed there. */
  #useless = 0;
  /** Whether the index must be written again, as it may end with a part of a line. */
  #isTorn = false;
  /** Names of the segments that their recorder could not close: they have no line in the index. */
  readonly #unclosed = new Set<string>();
  #writes = 0;
  #written = Promise.resolve();

  constructor(options: RecordedDayOptions) {
    this.#options = options;
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
    if (this.#writes > 0 || !this.#table) return false;
    if (this.#useless > 0 && !this.#isTorn) { // the index is then read instead of the folder
      this.#write();
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
    if (this.#table.find(name) >= 0) this.#useless++;
    const { number, start, end, frames, bytes, thinnedTo, activity } = segment;
    this.#table.put({
      ...{ ...name, number, duration: end - start },
      ...{ frames, bytes, thinnedTo, activity },
    });
    this.#update();
    if (isClosed) this.#unclosed.delete(segment.name);
    else this.#unclosed.add(segment.name);
    return isClosed ? this.#write(indexLine(segment)) : Promise.resolve();
  }

  /** Removes a segment whose file is gone. @returns Whether it was there. */
  async remove(name: string): Promise<boolean> {
    const table = await this.load();
    const parsed = parseSegmentName(name);
    const i = parsed ? table.find(parsed) : -1;
    if (i < 0) return false;
    table.remove(i);
    if (!this.#unclosed.delete(name)) this.#useless++;
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
    if (!this.#isScanned || this.#summary.segments > 0) return false;
    const { disk, path } = this.#options;
    await this.#enqueue(async () => {
      if (this.#summary.segments > 0) return;
      await ignore(disk.remove(`${path}/${INDEX_NAME}`), "ENOENT");
      this.#indexBytes = this.#useless = 0;
      this.#isTorn = false;
      this.#count();
    });
    if (this.#otherBytes > 0 || this.#summary.segments > 0) return false;
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
    await this.#written;
    const { segments } = this.#summary;
    this.#table = this.#emptyTable();
    this.#isScanned = true;
    this.#indexBytes = this.#otherBytes = this.#useless = 0;
    this.#isTorn = false;
    this.#unclosed.clear();
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
    return this.#written;
  }

  async #load(): Promise<SegmentTable> {
    await this.#written;
    if (this.#isScanned && !this.#isTorn) {
      const index = await this.#readIndex();
      if (index?.useless === 0 && index.isWhole && this.#isExpected(index.table)) {
        return this.#table = index.table;
      }
    }
    return await this.#scan();
  }

  /** Whether an index has the segments that it had before they were unloaded. */
  #isExpected(table: SegmentTable): boolean {
    const { segments, bytes } = summarize(table);
    return segments === this.#summary.segments && bytes === this.#summary.bytes;
  }

  /** Reads the folder. Segments without a valid line in the index are read from their files. */
  async #scan(): Promise<SegmentTable> {
    const { disk, path, isOpen } = this.#options;
    const folder = await disk.stat(path);
    const names = await disk.list(path);
    const index = await this.#readIndex();
    const indexed = index && (await disk.stat(`${path}/${INDEX_NAME}`)).modified;
    const table = index?.table ?? this.#emptyTable();
    let useless = index?.useless ?? 0;
    const missing = new Map<string, SegmentName>();
    const present = new Set<number>();
    for (const name of names) {
      const parsed = parseSegmentName(name);
      const i = parsed ? table.find(parsed) : -1;
      if (i >= 0) present.add(i);
      else if (parsed && !isOpen(name)) missing.set(name, parsed);
    }
    if (!this.#isScanned) await this.#removeTemporary(names);
    for (let i = table.length - 1; i >= 0; i--) {
      if (present.has(i)) continue;
      table.remove(i);
      useless++;
    }
    if (indexed !== undefined && folder.modified > indexed) {
      for (const name of await this.#changed(table)) {
        missing.set(name, parseSegmentName(name)!);
        table.remove(table.find(parseSegmentName(name)!));
        useless++;
      }
    }
    const unreadable = await this.#readMissing(missing, table);
    const marks = await ignore(disk.stat(`${path}/${MARKS_NAME}`), "ENOENT");
    this.#table = table;
    this.#isScanned = true;
    this.#modified = folder.modified;
    this.#indexBytes = index?.bytes ?? 0;
    this.#otherBytes = (marks?.size ?? 0) + unreadable;
    this.#useless = useless;
    this.#isTorn = index !== undefined && !index.isWhole;
    this.#update();
    this.#options.onScan(this.#summary);
    if (this.#isTorn || missing.size > 0 || useless > table.length / 2) void this.#write();
    return table;
  }

  /** Returns the names of segments whose file has another size than in the index, or is gone. */
  async #changed(table: SegmentTable): Promise<string[]> {
    const { disk, path } = this.#options;
    const changed: string[] = [];
    const rows = Array.from({ length: table.length }, (_, i) => i);
    await concurrently(rows, this.#options.concurrency(), async (i) => {
      const { name, bytes } = table.segment(i);
      const size = await disk.stat(`${path}/${name}`).then(({ size }) => size, () => undefined);
      if (size !== bytes) changed.push(name);
    });
    return changed;
  }

  /**
   * Reads segments from their files, and repairs those that are not complete.
   *
   * @returns The size of files that cannot be read, in bytes.
   */
  async #readMissing(missing: Map<string, SegmentName>, table: SegmentTable): Promise<number> {
    const { path, disk, camera, log, onProgress } = this.#options;
    let [done, unreadable] = [0, 0];
    await concurrently([...missing], this.#options.concurrency(), async ([name, parsed]) => {
      const file = `${path}/${name}`;
      try {
        const content = await this.#read(file, name);
        if (content) table.put({ ...parsed, ...content });
      } catch (error) {
        if (codeOf(error) !== "ENOENT") {
          log.error("recording not readable", { camera, file, reason: explain(error) });
          unreadable += await disk.stat(file).then(({ size }) => size, () => 0);
        }
      }
      onProgress(++done, missing.size);
    });
    return unreadable;
  }

  /** Reads a segment from its file, and repairs it; undefined if it has no frame. */
  async #read(file: string, name: string): Promise<Row | undefined> {
    const { disk, camera, day, log, isOpen } = this.#options;
    const place = { camera, day, name };
    const content = await inspect(disk, file);
    if (content?.isComplete) return describe(place, content, content.head.fileSize!);
    if (await this.#mayBeOpen(file, content?.number) || isOpen(name)) return undefined;
    try {
      const repaired = await repair(disk, file, content);
      if (!repaired) log.info("recording without a frame removed", { camera, file });
      else log.info("recording repaired", { camera, file, cut: repaired.cut });
      return repaired && describe(place, repaired, repaired.bytes);
    } catch (error) {
      if (!content || content.index.length === 0) throw error;
      log.warn("recording not repaired", { camera, file, reason: explain(error) });
      this.#unclosed.add(name);
      return describe(place, content, (await disk.stat(file)).size);
    }
  }

  /** Whether a recorder of this process may be writing a file that is not complete. */
  async #mayBeOpen(file: string, number: number | undefined): Promise<boolean> {
    const { disk, clock, mayBeOpen } = this.#options;
    if (!mayBeOpen(number)) return false;
    if (number !== undefined) return true;
    const { modified } = await disk.stat(file);
    return Math.abs(clock.now() - modified) < OPENING;
  }

  /** Removes temporary files of thinning, which an earlier process has left. */
  async #removeTemporary(names: readonly string[]): Promise<void> {
    const { disk, path } = this.#options;
    for (const name of names.filter(isTemporaryName)) {
      await ignore(disk.remove(`${path}/${name}`), "ENOENT");
    }
  }

  async #readIndex() {
    const { disk, path, start } = this.#options;
    try {
      const file = await disk.open(`${path}/${INDEX_NAME}`, "read");
      try {
        const bytes = new Uint8Array(await file.size());
        const index = parseIndex(
          bytes.subarray(0, await file.readAt(0, bytes)),
          this.#options,
          start,
        );
        return { ...index, bytes: bytes.length };
      } finally {
        await file.close();
      }
    } catch (error) {
      if (codeOf(error) !== "ENOENT") this.#warn("index not readable", error);
      return undefined;
    }
  }

  /** Appends a line to the index; without a line, or after a failure, writes the index again. */
  #write(line?: string): Promise<void> {
    return this.#enqueue(async () => {
      const all = line === undefined || this.#isTorn;
      if (all && !this.#table) return;
      const bytes = new TextEncoder().encode(all ? this.#text() : line);
      const useless = all ? 0 : this.#useless;
      // Counted beforehand: the limit of the size holds at every moment.
      this.#indexBytes = all ? Math.max(this.#indexBytes, bytes.length) : this.#indexBytes +
        bytes.length;
      this.#count();
      this.#isTorn = true;
      const file = await this.#options.disk.open(`${this.#options.path}/${INDEX_NAME}`, "append");
      try {
        if (all) await file.truncate(0);
        await file.append([bytes]);
        this.#isTorn = false;
        this.#useless = useless;
      } finally {
        this.#indexBytes = await file.size();
        this.#count();
        await file.close();
      }
    });
  }

  #text(): string {
    if (this.#unclosed.size === 0) return indexText(this.#table!);
    return indexText(this.#table!, (name) => !this.#unclosed.has(name));
  }

  /** Runs operations on the index one after another. A failure is logged: the index is a cache. */
  #enqueue(operation: () => Promise<void>): Promise<void> {
    this.#writes++;
    this.#written = this.#written.then(operation)
      .catch((error) => this.#warn("index not written", error))
      .finally(() => this.#writes--);
    return this.#written;
  }

  #update(): void {
    this.#summary = summarize(this.#table);
    this.#count();
  }

  #count(): void {
    const bytes = this.#summary.bytes + this.#indexBytes + this.#otherBytes;
    const change = bytes - this.#bytes;
    this.#bytes = bytes;
    if (change !== 0) this.#options.onBytes(change);
  }

  #warn(event: string, error: unknown): void {
    const { log, path } = this.#options;
    log.warn(event, { folder: path, reason: explain(error) });
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

/** Returns the fields of a row. */
function describe(place: SegmentPlace, content: SegmentContent, bytes: number): Row {
  const { number, thinnedTo, index, head: { date: start } } = content;
  const activity = new ActivityMeter();
  const segment = new GrowingSegment({ place, number, start, bytes: HEAD_SIZE, activity });
  for (let frame = 0; frame < index.length; frame++) {
    const clusterSize = index.endOffset(frame) - index.offset(frame);
    const size = clusterSize - CLUSTER_HEADER;
    segment.add({ at: start + index.time(frame), size, clusterSize });
  }
  const duration = segment.end - start;
  return {
    ...{ number, thinnedTo, duration },
    ...{ frames: index.length, bytes, activity: segment.activity },
  };
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
