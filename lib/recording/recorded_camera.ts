import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Disk } from "./disk.ts";
import { listOrNone } from "./file_system.ts";
import { isAvailable } from "./folder_lock.ts";
import type { Extent, OldSegment } from "./library.ts";
import { findOldest } from "./oldest_segments.ts";
import { RecordedDay } from "./recorded_day.ts";
import type { OpenSegment, Segment } from "./segment.ts";
import { DAY, dayOf, parseDay } from "./segment_name.ts";
import { SegmentTable } from "./segment_table.ts";
import { type Piece, visiblePieces } from "./visible.ts";

/** Options of {@link RecordedCamera}. */
export interface RecordedCameraOptions {
  readonly name: string;
  /** The folder of recordings. */
  readonly root: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** Number of files that are read at the same time. */
  readonly concurrency: () => number;
  readonly onBytes: (change: number) => void;
  readonly onProgress: (done: number, of: number) => void;
  /** Is called when the segments of a day have been needed, and when the day is gone. */
  readonly onUse: (day: RecordedDay) => void;
  readonly onRemove: (day: RecordedDay) => void;
  /** Is called when the folder of a day cannot be read. */
  readonly onError: (day: RecordedDay, error: unknown) => void;
}

/** Period that {@link RecordedCamera.piece} looks at, in milliseconds. */
const WINDOW = 120_000;
/** Time around it in which segments may hide others, by the gap between them. */
const MARGIN = 60_000;
/** Time until a segment that could not be read is tried again, in milliseconds. */
const HIDDEN = 60_000;
/** Longest segment that a day which is not scanned yet may have. */
const LONGEST = 2 * 3_600_000;

/** The recordings of one camera. */
export class RecordedCamera {
  readonly #options: RecordedCameraOptions;
  /** By day. */
  #days: RecordedDay[] = [];
  readonly #open = new Set<OpenSegment>();
  /** Paths of segments that cannot be read, and when they are tried again. */
  readonly #hidden = new Map<string, number>();
  readonly #createdAt: number;
  #maxNumber = 0;
  /** Number of the first segment of this process. */
  #firstNumber: number | undefined;
  #version = 0;

  constructor(options: RecordedCameraOptions) {
    this.#options = options;
    this.#createdAt = options.clock.monotonic();
  }

  get name(): string {
    return this.#options.name;
  }

  /** Changes with each change of the segments, except the growth of an open one. */
  get version(): number {
    return this.#version;
  }

  get days(): readonly RecordedDay[] {
    return this.#days;
  }

  /** Whether there is no folder of a day. */
  get isEmpty(): boolean {
    return this.#days.length === 0;
  }

  /** The segments that are being recorded. */
  get open(): Iterable<OpenSegment> {
    return this.#open;
  }

  /** Size of the segments that are being recorded, in bytes. */
  get openBytes(): number {
    let bytes = 0;
    for (const segment of this.#open) bytes += segment.bytes;
    return bytes;
  }

  get extent(): Extent {
    let [oldest, newest, bytes] = [Infinity, -Infinity, this.openBytes];
    for (const { summary, bytes: size } of this.#days) {
      oldest = Math.min(oldest, summary.start);
      newest = Math.max(newest, summary.end);
      bytes += size;
    }
    for (const { start, end, frames } of this.#open) {
      if (frames === 0) continue;
      oldest = Math.min(oldest, start);
      newest = Math.max(newest, end);
    }
    const isEmpty = oldest === Infinity;
    return { oldest: isEmpty ? undefined : oldest, newest: isEmpty ? undefined : newest, bytes };
  }

  /** Adds the days that were found in the camera's folder, by name. */
  find(days: readonly string[]): void {
    this.#days = days.map((day) => this.#createDay(day));
  }

  /**
   * Returns the days that may hold the segments which were recorded last: the newest ones, and those
   * before the present day, if the clock was wrong for a time.
   */
  newestDays(today: string): RecordedDay[] {
    const past = this.#days.filter(({ day }) => day <= today);
    return [...new Set([...past.slice(-2), ...this.#days.slice(-1)])];
  }

  nextNumber(): number {
    this.#maxNumber++;
    this.#firstNumber ??= this.#maxNumber;
    return this.#maxNumber;
  }

  add(segment: OpenSegment): void {
    this.#ensureDay(segment.day);
    this.#open.add(segment);
    this.#version++;
  }

  /** See `Library.replace`. */
  async replace(old: Segment, replacement: Segment): Promise<void> {
    const target = this.#ensureDay(replacement.day);
    await this.#use(target);
    const isSame = old.day === replacement.day && old.name === replacement.name;
    const wasOpen = this.#open.has(old as OpenSegment);
    // A recorder that could not close a file returns the size without cues.
    const isClosed = !wasOpen || replacement.bytes > old.bytes;
    const written = target.put(replacement, { isClosed });
    this.#open.delete(old as OpenSegment);
    this.#version++;
    if (!wasOpen && !isSame) await this.#remove(old);
    await written;
  }

  async remove(segment: Segment): Promise<void> {
    if (this.#open.delete(segment as OpenSegment)) {
      this.#version++;
      await this.removeIfEmpty(segment.day);
    } else await this.#remove(segment);
  }

  async #remove(segment: Segment): Promise<void> {
    const day = this.#day(segment.day);
    if (!day) return;
    await this.#use(day);
    await day.remove(segment.name);
    this.#version++;
    await this.removeIfEmpty(segment.day);
  }

  /**
   * Leaves a segment out of {@link piece} for some time, as it cannot be read.
   *
   * @returns The number of such segments.
   */
  hide(segment: Segment): number {
    const now = this.#options.clock.monotonic();
    for (const [path, until] of this.#hidden) if (until <= now) this.#hidden.delete(path);
    this.#hidden.set(`${segment.day}/${segment.name}`, now + HIDDEN);
    this.#version++;
    return this.#hidden.size;
  }

  /**
   * Removes the folder of a day if no segment is left, unless a recorder may be about to use it.
   *
   * @returns Whether the folder was removed.
   */
  async removeIfEmpty(name: string): Promise<boolean> {
    const day = this.#day(name);
    if (!day || name === dayOf(this.#options.clock.now())) return false;
    if (this.#isRecording(name)) return false;
    if (!await day.removeEmpty()) return false;
    this.#removeDay(day);
    return true;
  }

  /**
   * Takes note of what users or other programs have deleted.
   *
   * @returns Number of the segments, and the days whose folders are gone.
   */
  async refresh(): Promise<{ segments: number; days: string[] }> {
    const { root, name, disk } = this.#options;
    const known = this.#days.filter(({ isScanned }) => isScanned);
    const names = new Set(await listOrNone(disk, `${root}/${name}`));
    let segments = 0;
    const days: string[] = [];
    for (const day of known) {
      if (names.has(day.day)) {
        if (!await day.hasChanged()) continue;
        await this.#load(day);
        segments += await day.removeMissing();
      } else if (!this.#isRecording(day.day) && await isAvailable(disk, root)) {
        segments += await day.clear();
        this.#removeDay(day);
        days.push(day.day);
      }
    }
    if (segments > 0) this.#version++;
    return { segments, days };
  }

  account(day: string, bytes: number): void {
    this.#ensureDay(day).account(bytes);
  }

  /** Returns the segments that overlap a period, by start; with the open ones. */
  async segments(from: number, to: number): Promise<Segment[]> {
    const found: Segment[] = [];
    for await (const table of this.tables(from, to)) {
      for (let i = table.firstFrom(from - table.longest); i < table.length; i++) {
        if (table.start(i) > to) break;
        if (table.end(i) >= from) found.push(table.segment(i));
      }
    }
    for (const segment of this.#open) {
      if (segment.frames > 0 && segment.start <= to && segment.end >= from) found.push(segment);
    }
    return found.sort((a, b) => a.start - b.start || a.number - b.number);
  }

  /** Yields the loaded segments of each day that has some in a period, the oldest first. */
  async *tables(from: number, to: number): AsyncGenerator<SegmentTable> {
    const days = this.#days.filter(({ start, isScanned, summary }) => {
      const [first, last] = isScanned
        ? [summary.start, summary.end]
        : [start, start + DAY + LONGEST];
      return first <= to && last >= from;
    });
    for (const [i, day] of days.entries()) {
      days[i + 1]?.load().catch(() => {}); // reads ahead; an error is reported below
      yield await this.#load(day);
    }
  }

  /**
   * Returns a part of a segment that is played: the first one that ends at or after a time, or the
   * last one that begins at or before it. It can be shorter than the part that is played in one
   * go.
   */
  async piece(at: number, edge: "before" | "after"): Promise<Piece | undefined> {
    const isAfter = edge === "after";
    let time: number | undefined = at;
    if (!Number.isFinite(at)) time = await this.#nearest(at, isAfter);
    while (time !== undefined) {
      const [from, to]: [number, number] = isAfter ? [time, time + WINDOW] : [time - WINDOW, time];
      const segments = await this.segments(from - MARGIN, to + MARGIN);
      const pieces = visiblePieces(segments.filter((segment) => !this.#isHidden(segment)))
        .filter((piece) => piece.from <= to && piece.to >= from);
      const found = isAfter ? pieces[0] : pieces.at(-1);
      if (found) {
        return {
          segment: found.segment,
          from: Math.max(found.from, from - MARGIN),
          to: Math.min(found.to, to + MARGIN),
        };
      }
      time = await this.#nearest(isAfter ? to : from, isAfter);
    }
    return undefined;
  }

  /** Returns the closed segments that were recorded first; see {@link findOldest}. */
  async oldest(count: number): Promise<OldSegment[]> {
    if (count === 0) return [];
    const { clock } = this.#options;
    const now = clock.now();
    return await findOldest(count, {
      days: [...this.#days],
      open: this.#open,
      load: (day) => this.#load(day),
      now,
      since: now - (clock.monotonic() - this.#createdAt),
    });
  }

  /**
   * Returns the time of the newest closed segment that does not end after a time. The time itself if
   * segments of one day end both before and after it.
   */
  newestBefore(time: number): number | undefined {
    let newest = -Infinity;
    for (const { start, isScanned, summary } of this.#days) {
      const first = isScanned ? summary.start : start;
      const last = isScanned ? summary.end : start + DAY;
      if (first <= time) newest = Math.max(newest, Math.min(last, time));
    }
    return newest === -Infinity ? undefined : newest;
  }

  /** Waits for writes of the indexes. */
  async flush(): Promise<void> {
    await Promise.all(this.#days.map((day) => day.flush()));
  }

  /** Returns the first start of a segment after a time, or the last end before it. */
  async #nearest(at: number, isAfter: boolean): Promise<number | undefined> {
    let nearest = isAfter ? Infinity : -Infinity;
    const isBetter = (time: number) =>
      isAfter ? time > at && time < nearest : time < at && time > nearest;
    for (const segment of this.#open) {
      const time = isAfter ? segment.start : segment.end;
      if (segment.frames > 0 && isBetter(time)) nearest = time;
    }
    for (const day of isAfter ? [...this.#days] : this.#days.toReversed()) {
      if (!day.isScanned) {
        const [first, last] = [day.start, day.start + DAY + LONGEST];
        if (isAfter ? last > at && first < nearest : first < at && last > nearest) {
          await this.#load(day);
        }
      }
      const { start, end } = day.summary;
      if (isAfter ? end <= at || start >= nearest : start >= at || end <= nearest) continue;
      if (isBetter(isAfter ? start : end)) nearest = isAfter ? start : end;
      else {
        const table = await this.#load(day);
        for (let i = 0; i < table.length; i++) {
          const time = isAfter ? table.start(i) : table.end(i);
          if (isBetter(time)) nearest = time;
        }
      }
    }
    return Number.isFinite(nearest) ? nearest : undefined;
  }

  #isHidden({ day, name }: Segment): boolean {
    const until = this.#hidden.get(`${day}/${name}`);
    return until !== undefined && until > this.#options.clock.monotonic();
  }

  async #use(day: RecordedDay): Promise<SegmentTable> {
    const table = await day.load();
    this.#options.onUse(day);
    return table;
  }

  /** Loads the segments of a day; none if its folder cannot be read. */
  async #load(day: RecordedDay): Promise<SegmentTable> {
    try {
      return await this.#use(day);
    } catch (error) {
      this.#options.onError(day, error);
      return new SegmentTable({ camera: this.name, day: day.day }, day.start);
    }
  }

  /** Whether a segment of a day is being recorded. */
  #isRecording(day: string): boolean {
    return [...this.#open].some((segment) => segment.day === day);
  }

  #removeDay(day: RecordedDay): void {
    this.#days = this.#days.filter((other) => other !== day);
    this.#options.onRemove(day);
  }

  #day(name: string): RecordedDay | undefined {
    return this.#days.find(({ day }) => day === name);
  }

  #ensureDay(name: string): RecordedDay {
    const known = this.#day(name);
    if (known) return known;
    const day = this.#createDay(name);
    day.begin();
    this.#days = [...this.#days, day].sort((a, b) => a.start - b.start);
    return day;
  }

  #createDay(day: string): RecordedDay {
    const { root, name, disk, clock, log, concurrency, onBytes, onProgress } = this.#options;
    return new RecordedDay({
      ...{ camera: name, day, start: parseDay(day)!, path: `${root}/${name}/${day}` },
      ...{ disk, clock, log, concurrency, onBytes, onProgress },
      isOpen: (file) => [...this.#open].some((open) => open.day === day && open.name === file),
      mayBeOpen: (number) =>
        this.#firstNumber !== undefined && (number === undefined || number >= this.#firstNumber),
      onScan: ({ maxNumber }) => {
        this.#maxNumber = Math.max(this.#maxNumber, maxNumber);
        this.#version++;
      },
    });
  }
}
