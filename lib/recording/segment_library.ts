import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Cursor } from "./cursor.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import { isAvailable, MARKER } from "./folder_lock.ts";
import { IndexCache } from "./index_cache.ts";
import type { Extent, FrameRange, Library, OldSegment, SoundRange, Timeline } from "./library.ts";
import { RecordedCamera } from "./recorded_camera.ts";
import type { RecordedDay } from "./recorded_day.ts";
import type { OpenSegment, Segment, SegmentIndex } from "./segment.ts";
import { SegmentCursor } from "./segment_cursor.ts";
import { dayOf, isCameraName, parseDay, segmentPath } from "./segment_name.ts";
import { readSegment } from "./segment_reader.ts";
import { SoundCursor } from "./sound_cursor.ts";
import { clustersIn } from "./sound_clusters.ts";
import { buildTimeline } from "./timeline.ts";
import { framesIn, type Piece } from "./visible.ts";

/** Options of {@link SegmentLibrary}. */
export interface SegmentLibraryOptions {
  /** The folder of recordings. */
  readonly root: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** Maximum memory for the segments of loaded days, in bytes. @default {12 MiB} */
  readonly maxMemory?: number;
}

/** Memory of a month of four cameras. */
const MAX_MEMORY = 12 * 2 ** 20;
/** Progress is logged after this time, and again after each of the longer periods, in ms. */
const FIRST_REPORT = 2_000;
const REPORT_INTERVAL = 5_000;
/** Maximum number of segments of a camera that are reported as not readable in a minute. */
const MAX_REPORTS = 5;
/** Number of files that are read at the same time before recording starts. */
const CONCURRENCY = 4;

/** The recorded segments in a folder. */
export class SegmentLibrary implements Library, AsyncDisposable {
  readonly #options: SegmentLibraryOptions;
  readonly #cameras = new Map<string, RecordedCamera>();
  readonly #indexes = new IndexCache();
  /** Days whose segments are in memory; those that were needed last are at the end. */
  readonly #loadedDays = new Set<RecordedDay>();
  /** Days whose folder could not be read. */
  readonly #unreadable = new WeakSet<RecordedDay>();
  readonly #loaded = Promise.withResolvers<void>();
  #bytes = 0;
  #reading: Promise<void> | undefined;
  #isRead = false;
  #isStopped = false;
  #reportAt = Infinity;
  #daysRead = 0;
  #days = 0;
  /** Progress in the day that is being read: 0 to 1. */
  #dayProgress = 0;

  constructor(options: SegmentLibraryOptions) {
    this.#options = options;
  }

  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  get progress(): number {
    if (this.#isRead) return 1;
    return this.#days === 0 ? 0 : Math.min(1, (this.#daysRead + this.#dayProgress) / this.#days);
  }

  get totalBytes(): number {
    let bytes = this.#bytes;
    for (const camera of this.#cameras.values()) bytes += camera.openBytes;
    return bytes;
  }

  get cameras(): readonly string[] {
    return [...this.#cameras.values()].filter(({ isEmpty }) => !isEmpty).map(({ name }) => name);
  }

  /**
   * Finds the days in the folder, and loads the newest ones of each camera, which repairs the
   * segments that were not closed there. Then recording may start; the other days are loaded
   * meanwhile, see {@link loaded}.
   *
   * @throws If the folder cannot be read; it can then be called again.
   */
  async start(): Promise<void> {
    const { clock } = this.#options;
    this.#reportAt = clock.monotonic() + FIRST_REPORT;
    await this.#findDays();
    for (const camera of this.#cameras.values()) {
      for (const day of camera.newestDays(dayOf(clock.now()))) await this.#read(day);
    }
    this.#reading = this.#readAll().finally(this.#loaded.resolve);
  }

  extent(camera: string): Extent {
    return this.#cameras.get(camera)?.extent ?? { oldest: undefined, newest: undefined, bytes: 0 };
  }

  async segments(camera: string, from: number, to: number): Promise<readonly Segment[]> {
    return await this.#cameras.get(camera)?.segments(from, to) ?? [];
  }

  /** Infinite times are replaced by those of the oldest and the newest frame. */
  async timeline(camera: string, from: number, to: number): Promise<Timeline> {
    const recorded = this.#camera(camera);
    return await buildTimeline(recorded, { from, to }, (segment) => this.index(segment));
  }

  cursor(camera: string): Cursor {
    return new SegmentCursor(this, camera);
  }

  async *frames(camera: string, from: number, to: number): AsyncGenerator<FrameRange> {
    for (let at = from; at <= to;) {
      const piece = await this.piece(camera, at, "after");
      if (!piece || piece.from > to) return;
      const index = await this.index(piece.segment);
      if (!index) continue; // it is gone, and so no piece any more
      const { segment } = piece;
      const until = Math.min(piece.to, to);
      const range = framesIn(index, { segment, from: Math.max(piece.from, at), to: until });
      if (range) yield { segment, index, ...range };
      at = until + 1;
    }
  }

  async *sounds(camera: string, from: number, to: number): AsyncGenerator<SoundRange> {
    // A piece ends with its last frame, its sound where the next piece begins.
    let piece = await this.piece(camera, from, "before") ?? await this.piece(camera, from, "after");
    for (let at = from; piece && piece.from <= to && at <= to;) {
      const next = await this.piece(camera, piece.to + 1, "after");
      const isTail = piece.to >= piece.segment.end;
      const end = isTail ? Math.max(next?.from ?? Infinity, piece.to + 1) : piece.to + 1;
      const { segment } = piece;
      const sound = (await this.index(segment))?.sound;
      const range = sound && clustersIn(sound, {
        from: Math.max(piece.from, at) - segment.start,
        to: Math.min(end - 1, to) - segment.start,
        overlap: at === from,
      });
      if (range) yield { segment, sound, ...range };
      at = Math.max(at, end);
      piece = next;
    }
  }

  soundSource(camera: string): SoundCursor {
    return new SoundCursor(this, camera);
  }

  openFile(segment: Segment): Promise<DiskFile> {
    const { disk, root } = this.#options;
    return disk.open(segmentPath(root, segment), "read");
  }

  nextNumber(camera: string): number {
    return this.#camera(camera).nextNumber();
  }

  add(segment: OpenSegment): void {
    this.#camera(segment.camera).add(segment);
  }

  async replace(old: Segment, replacement: Segment): Promise<void> {
    await this.#camera(old.camera).replace(old, replacement);
    this.#indexes.delete(old);
    // Who plays it need not read what the recorder knows.
    if (isOpen(old) && old.index.length === replacement.frames) {
      this.#indexes.set(replacement, old.index);
    }
  }

  async remove(segment: Segment): Promise<void> {
    this.#indexes.delete(segment);
    await this.#camera(segment.camera).remove(segment);
  }

  async oldest(count: number): Promise<readonly OldSegment[]> {
    const cameras = [...this.#cameras.values()];
    const found = await Promise.all(cameras.map((camera) => camera.oldest(count)));
    return found.flat()
      .sort((a, b) => (a.recordedBy ?? a.end) - (b.recordedBy ?? b.end) || a.end - b.end)
      .slice(0, count);
  }

  /** Returns the time of the newest recording up to a time; see {@link RecordedCamera}. */
  newestBefore(time: number): number | undefined {
    const times = [...this.#cameras.values()].map((camera) =>
      camera.newestBefore(time) ?? -Infinity
    );
    const newest = Math.max(...times);
    return newest === -Infinity ? undefined : newest;
  }

  /** Counts bytes that were written to a file of a day: marks. */
  account(camera: string, day: string, bytes: number): void {
    this.#camera(camera).account(day, bytes);
  }

  /**
   * Removes the index and the folder of a day without segments. The folder of the present day stays,
   * and one with marks or other files.
   *
   * @returns Whether the folder was removed.
   */
  async removeDay(camera: string, day: string): Promise<boolean> {
    return await this.#cameras.get(camera)?.removeIfEmpty(day) ?? false;
  }

  /**
   * Takes note of what users or other programs have deleted in the folder since it was read.
   *
   * @returns The days whose folders are gone.
   */
  async refresh(): Promise<readonly { camera: string; day: string }[]> {
    const gone: { camera: string; day: string }[] = [];
    for (const [camera, recorded] of this.#cameras) {
      const { segments, days } = await recorded.refresh();
      gone.push(...days.map((day) => ({ camera, day })));
      if (segments > 0) {
        this.#options.log.info("recordings were deleted by another program", { camera, segments });
      }
    }
    return gone;
  }

  /** Changes with each change of a camera's segments, except the growth of an open one. */
  version(camera: string): number {
    return this.#cameras.get(camera)?.version ?? 0;
  }

  /** See {@link RecordedCamera.piece}. */
  async piece(
    camera: string,
    at: number,
    edge: "before" | "after",
  ): Promise<Piece | undefined> {
    return await this.#cameras.get(camera)?.piece(at, edge);
  }

  /**
   * Returns the index of a segment; undefined if the segment is gone or cannot be read. It is then
   * no piece any more.
   *
   * @param open Opens its file, which stays open. Without it, the file is opened and closed.
   */
  async index(
    segment: Segment,
    open?: () => Promise<DiskFile>,
  ): Promise<SegmentIndex | undefined> {
    if (isOpen(segment)) return segment.index;
    const known = this.#indexes.get(segment);
    if (known) return known;
    try {
      const file = open ? await open() : await this.openFile(segment);
      try {
        const { index } = await readSegment(file);
        this.#indexes.set(segment, index);
        return index;
      } finally {
        if (!open) await file.close();
      }
    } catch (error) {
      await this.reject(segment, error);
      return undefined;
    }
  }

  /** Takes note that a segment cannot be read: it is no piece for a time, or has been deleted. */
  async reject(segment: Segment, error: unknown): Promise<void> {
    const { log, root } = this.#options;
    const isGone = codeOf(error) === "ENOENT" && !isOpen(segment);
    if (isGone && await this.#isThere(segment)) return await this.remove(segment);
    const { camera } = segment;
    if (this.#camera(camera).hide(segment) > MAX_REPORTS) return;
    const file = segmentPath(root, segment);
    log.error("recording not readable", { camera, file, reason: explain(error) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await this.#reading;
    await Promise.all([...this.#cameras.values()].map((camera) => camera.flush()));
  }

  /** Whether the folder that a segment belongs to is there: its disk may have been unmounted. */
  async #isThere({ camera, day }: Segment): Promise<boolean> {
    const { disk, root } = this.#options;
    const exists = (path: string) => disk.stat(path).then(() => true, () => false);
    return await exists(`${root}/${camera}/${day}`) || await isAvailable(disk, root);
  }

  async #findDays(): Promise<void> {
    const { disk, root } = this.#options;
    const names = await disk.list(root);
    const marker = names.includes(MARKER) ? (await disk.stat(`${root}/${MARKER}`)).size : 0;
    this.#bytes += marker;
    for (const name of names.filter(isCameraName)) {
      const days = await disk.list(`${root}/${name}`).catch((error) => {
        if (codeOf(error) !== "ENOTDIR") {
          this.#options.log.error("recordings not readable", {
            camera: name,
            reason: explain(error),
          });
        }
        return [];
      });
      const found = days.filter((day) => parseDay(day) !== undefined).sort();
      if (found.length > 0) this.#camera(name).find(found);
      this.#days += found.length;
    }
  }

  /** Loads all days, the oldest first: the newest ones are then in memory. */
  async #readAll(): Promise<void> {
    const days = [...this.#cameras.values()].flatMap(({ days }) => days)
      .sort((a, b) => a.start - b.start);
    for (const day of days) {
      if (this.#isStopped) return;
      await this.#read(day);
    }
    this.#isRead = true;
  }

  async #read(day: RecordedDay): Promise<void> {
    if (day.isScanned) return;
    this.#dayProgress = 0;
    try {
      await day.load();
      this.#touch(day);
    } catch (error) {
      this.#reportError(day, error);
    }
    this.#dayProgress = 0;
    this.#daysRead++;
    this.#report();
  }

  /** Logs that a folder cannot be read, once. */
  #reportError(day: RecordedDay, error: unknown): void {
    if (this.#unreadable.has(day)) return;
    this.#unreadable.add(day);
    const { log } = this.#options;
    log.error("recordings not readable", { folder: day.path, reason: explain(error) });
  }

  #onProgress(done: number, of: number): void {
    this.#dayProgress = done / of;
    this.#report({ files: `${done} of ${of}` });
  }

  #report(fields: { files?: string } = {}): void {
    const { clock, log } = this.#options;
    if (clock.monotonic() < this.#reportAt) return;
    this.#reportAt = clock.monotonic() + REPORT_INTERVAL;
    log.info("reading recordings", {
      percent: Math.floor(this.progress * 100),
      days: `${Math.min(this.#daysRead, this.#days)} of ${this.#days}`,
      ...fields,
    });
  }

  #camera(name: string): RecordedCamera {
    let camera = this.#cameras.get(name);
    if (!camera) {
      camera = new RecordedCamera({
        ...this.#options,
        name,
        onBytes: (change) => this.#bytes += change,
        // Afterwards, viewers come first.
        concurrency: () => this.#reading ? 1 : CONCURRENCY,
        onProgress: (done, of) => this.#onProgress(done, of),
        onUse: (day) => this.#touch(day),
        onError: (day, error) => this.#reportError(day, error),
        onRemove: (day) => this.#loadedDays.delete(day),
      });
      this.#cameras.set(name, camera);
    }
    return camera;
  }

  /** Unloads days that were not needed for longest, if the loaded ones take too much memory. */
  #touch(day: RecordedDay): void {
    this.#loadedDays.delete(day);
    this.#loadedDays.add(day);
    let memory = 0;
    for (const { table } of this.#loadedDays) memory += table?.memory ?? 0;
    for (const old of this.#loadedDays) {
      if (memory <= (this.#options.maxMemory ?? MAX_MEMORY)) return;
      if (old === day) continue;
      const size = old.table?.memory ?? 0;
      if (old.unload()) {
        memory -= size;
        this.#loadedDays.delete(old);
      }
    }
  }
}

function isOpen(segment: Segment): segment is OpenSegment {
  return "index" in segment;
}
