import { explain } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Disk } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import { KeptPeriods } from "./kept_periods.ts";
import type { Mark } from "./mark.ts";
import { MarkFile } from "./mark_file.ts";
import { pauseReason } from "./pause_reason.ts";
import { RecordFolder } from "./record_folder.ts";
import { DAY, dayOf, parseDay } from "./segment_name.ts";
import { type Storage, StorageError } from "./storage.ts";

export type { Mark } from "./mark.ts";

/** The marks of all cameras: files `marks.jsonl` in the folders of the days. */
export interface Marks {
  /** Adds a mark; resolves when it is on the disk. */
  add(camera: string, mark: Mark): Promise<void>;
  /** Returns the marks in a period, by time; only those with this label, if it is given. */
  list(camera: string, from: number, to: number, label?: string): Promise<readonly Mark[]>;
  /** Returns whether a mark keeps something between two times. */
  keeps(camera: string, start: number, end: number): Promise<boolean>;
}

/** Options of {@link MarkFiles}. */
export interface MarkFilesOptions {
  /**
   * Folder of the recordings. It must exist when a mark is added, with the marker of `openFolder`;
   * the folders in it need not.
   */
  readonly root: string;
  readonly disk: Disk;
  readonly storage: Pick<Storage, "reserve" | "release">;
  /** Called for bytes that were written in the folder of a day, which the library counts. */
  readonly account?: (camera: string, day: string, bytes: number) => void;
  readonly log: Log;
}

/** Number of days whose marks stay in memory, for all cameras together. */
const MAX_DAYS = 64;
/** What a mark can keep before and after its time, in milliseconds. */
const MAX_REACH = DAY;
/** Times that a mark can have: to the year 9999. */
const MAX_TIME = Date.UTC(10_000, 0) - 1;

/** What the marks of a camera keep. */
interface Kept {
  readonly periods: KeptPeriods;
  /** Days whose marks could not be read. */
  readonly unreadable: Set<string>;
}

/** Stores marks in files. */
export class MarkFiles implements Marks {
  readonly #options: MarkFilesOptions;
  readonly #folder: RecordFolder;
  /** By "camera/day". The one that was used last is at the end. */
  readonly #files = new Map<string, MarkFile>();
  /** Days whose marks could not be read, as "camera/day". */
  readonly #unreadable = new Set<string>();
  /** By camera. */
  readonly #kept = new Map<string, Promise<Kept>>();

  constructor(options: MarkFilesOptions) {
    this.#options = options;
    this.#folder = new RecordFolder(options);
  }

  /**
   * Adds a mark; resolves when it is on the disk.
   *
   * @throws {StorageError} If it cannot be stored; the message is for users.
   * @throws {RangeError} If its time is before 1970 or after 9999.
   */
  async add(camera: string, mark: Mark): Promise<void> {
    const { at, label, before, after, keep } = mark;
    if (!(at >= 0 && at <= MAX_TIME)) throw new RangeError(`Cannot add a mark at ${at}`);
    try {
      await this.#folder.check();
      // First the period: nothing in it may be deleted while the mark is written.
      if (keep) (await this.#keptBy(camera)).periods.add(at - before, at + after);
      await this.#file(camera, dayOf(at)).append({ at, label, before, after, keep });
    } catch (error) {
      throw new StorageError(`Cannot store the mark: ${pauseReason(error)}`, { cause: error });
    }
  }

  async list(camera: string, from: number, to: number, label?: string): Promise<readonly Mark[]> {
    const listed: Mark[] = [];
    for (const day of await this.#days(camera, from, to)) {
      for (const mark of await this.#read(camera, day) ?? []) {
        const isWanted = mark.at >= from && mark.at <= to &&
          (label === undefined || mark.label === label);
        if (isWanted) listed.push(mark);
      }
    }
    return listed;
  }

  async keeps(camera: string, start: number, end: number): Promise<boolean> {
    const { periods, unreadable } = await this.#keptBy(camera);
    for (const day of unreadable) {
      const begin = parseDay(day)!;
      if (begin - MAX_REACH > end || begin + DAY + MAX_REACH < start) continue;
      // Whatever its marks may keep stays, until they can be read.
      if (!await this.#addKept(camera, day, periods)) return true;
      unreadable.delete(day);
    }
    return periods.overlap(start, end);
  }

  /** Forgets what it knows of a day whose file has been deleted. */
  forget(camera: string, day: string): void {
    this.#files.delete(`${camera}/${day}`);
  }

  /** Returns the marks of a day; undefined if they cannot be read, which is logged once. */
  async #read(camera: string, day: string): Promise<readonly Mark[] | undefined> {
    try {
      return await this.#file(camera, day).read();
    } catch (error) {
      const key = `${camera}/${day}`;
      if (!this.#unreadable.has(key)) {
        this.#unreadable.add(key);
        this.#options.log.error("marks not readable", { camera, day, reason: explain(error) });
      }
      return undefined;
    }
  }

  #file(camera: string, day: string): MarkFile {
    const key = `${camera}/${day}`;
    const file = this.#files.get(key) ?? this.#open(camera, day);
    this.#files.delete(key);
    this.#files.set(key, file);
    if (this.#files.size > MAX_DAYS) this.#closeOldest(key);
    return file;
  }

  #open(camera: string, day: string): MarkFile {
    const { root, disk, storage, account } = this.#options;
    const cameraFolder = `${root}/${camera}`;
    return new MarkFile({
      ...{ disk, storage, cameraFolder, dayFolder: `${cameraFolder}/${day}` },
      onWrite: (bytes) => account?.(camera, day, bytes),
    });
  }

  /** Forgets the file that was not used for the longest time. */
  #closeOldest(except: string): void {
    for (const [key, file] of this.#files) {
      if (key !== except && !file.isBusy) return void this.#files.delete(key);
    }
  }

  /** Returns the days that may have marks in a period, oldest first. */
  async #days(camera: string, from: number, to: number): Promise<string[]> {
    [from, to] = [Math.max(0, from), Math.min(to, MAX_TIME)];
    if (from > to) return [];
    if (to - from < 2 * DAY) {
      const days = Math.floor(to / DAY) - Math.floor(from / DAY) + 1;
      return Array.from({ length: days }, (_, day) => dayOf(from + day * DAY));
    }
    const [first, last] = [dayOf(from), dayOf(to)];
    return (await this.#allDays(camera)).filter((day) => day >= first && day <= last);
  }

  async #allDays(camera: string): Promise<string[]> {
    try {
      const names = await this.#options.disk.list(`${this.#options.root}/${camera}`);
      return names.filter((name) => parseDay(name) !== undefined).sort();
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    }
  }

  /**
   * Returns what the marks of a camera keep. All its marks are read once: those of any day may
   * reach into another.
   */
  #keptBy(camera: string): Promise<Kept> {
    let kept = this.#kept.get(camera);
    if (!kept) {
      kept = this.#readKept(camera);
      kept.catch(() => this.#kept.delete(camera));
      this.#kept.set(camera, kept);
    }
    return kept;
  }

  async #readKept(camera: string): Promise<Kept> {
    const kept: Kept = { periods: new KeptPeriods(), unreadable: new Set() };
    for (const day of await this.#allDays(camera)) {
      if (!await this.#addKept(camera, day, kept.periods)) kept.unreadable.add(day);
    }
    return kept;
  }

  /** Adds what the marks of a day keep. @returns Whether they can be read. */
  async #addKept(camera: string, day: string, periods: KeptPeriods): Promise<boolean> {
    const marks = await this.#read(camera, day);
    for (const { at, before, after, keep } of marks ?? []) {
      if (keep) periods.add(at - before, at + after);
    }
    return marks !== undefined;
  }
}
