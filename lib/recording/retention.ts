import { AgeClock } from "./age_clock.ts";
import { type Clock, settlesWithin } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Log } from "../log.ts";
import { isClockSet as isSystemClockSet } from "./clock_sync.ts";
import type { Disk } from "./disk.ts";
import { removeEmptyDay } from "./empty_days.ts";
import { listOrNone } from "./file_system.ts";
import type { OldSegment } from "./library.ts";
import type { MarkFiles } from "./marks.ts";
import type { RetentionPeriods } from "./retention_setting.ts";
import type { SegmentLibrary } from "./segment_library.ts";
import { DAY, dayOf, parseDay } from "./segment_name.ts";
import { formatSize } from "./size_setting.ts";
import type { StorageLimits } from "./storage_limits.ts";
import { Thinning } from "./thinning.ts";

/** Time between two checks, in milliseconds. */
const CHECK_INTERVAL = 10_000;
/** Time between two searches for folders without segments, in milliseconds. */
const FOLDER_INTERVAL = 3_600_000;
/** Time between two searches for what users have deleted, in milliseconds. */
const REFRESH_INTERVAL = 60_000;
/** Time limit for the operations in progress when it stops, in milliseconds. */
const STOP_TIMEOUT = 3_000;
/** Number of segments from which their deletion is logged. */
const MANY = 100;

/** Options of {@link Retention}. */
export interface RetentionOptions {
  /** Folder of the recordings. */
  readonly root: string;
  readonly disk: Disk;
  readonly library: Pick<
    SegmentLibrary,
    | "cameras"
    | "extent"
    | "newestBefore"
    | "segments"
    | "refresh"
    | "replace"
    | "account"
    | "removeDay"
  >;
  readonly storage: StorageLimits;
  readonly marks: Pick<MarkFiles, "keeps" | "forget">;
  /** How long recordings are kept; without it, only their size is limited. */
  readonly retention?: RetentionPeriods;
  /** Whether a camera is recorded now: then its folder stays. */
  readonly records: (camera: string) => boolean;
  /** Returns whether the machine's clock has been set since its start. */
  readonly isClockSet?: () => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Deletes and thins recordings by their age, and checks the free space, every 10 s. The size of the
 * recordings is limited by {@link StorageLimits}.
 */
export class Retention implements AsyncDisposable {
  readonly #options: RetentionOptions;
  readonly #stopping = new AbortController();
  readonly #ages: AgeClock | undefined;
  readonly #thinning: Thinning | undefined;
  #tasks: Promise<unknown> = Promise.resolve();
  #searchedFoldersAt = -Infinity;
  #refreshedAt: number;
  /** Failures that were logged. */
  readonly #logged = new Set<string>();

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#refreshedAt = options.clock.monotonic();
    const { signal } = this.#stopping;
    const { library, retention, isClockSet = isSystemClockSet } = options;
    const newestBefore = library.newestBefore.bind(library);
    if (retention) this.#ages = new AgeClock({ ...options, isClockSet, newestBefore });
    const { tiers = [] } = retention ?? {};
    if (tiers.length > 0) this.#thinning = new Thinning({ ...options, tiers, signal });
  }

  /**
   * Starts checking, as soon as the library is loaded. To be called when the newest days are loaded,
   * and before recording starts.
   */
  start(): void {
    this.#ages?.start();
    this.#tasks = Promise.all([
      this.#repeat(() => this.#check()),
      this.#thinning && this.#repeat(() => this.#thin()),
    ]);
  }

  /**
   * Stops; a segment that is being thinned stays as it is. Waits for a disk that does not respond
   * for 3 s at most.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await settlesWithin(this.#tasks, STOP_TIMEOUT, this.#options.clock);
  }

  async #repeat(run: () => Promise<void>): Promise<void> {
    const { clock, storage } = this.#options;
    const { signal } = this.#stopping;
    const stopped = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve())
    );
    await Promise.race([storage.loaded, stopped]);
    while (!signal.aborted) {
      await run().catch((error) => this.#logFailure(error));
      await clock.sleep(CHECK_INTERVAL, signal).catch(() => {}); // it is stopping
    }
  }

  async #check(): Promise<void> {
    const { clock, storage } = this.#options;
    await this.#refresh();
    await storage.check();
    await this.#ages?.check();
    await this.#deleteOld();
    await this.#removeEmptyDays(storage.takeEmptiedDays());
    const now = clock.monotonic();
    if (now - this.#searchedFoldersAt < FOLDER_INTERVAL) return;
    this.#searchedFoldersAt = now;
    await this.#searchFolders();
  }

  async #refresh(): Promise<void> {
    const { clock, library, marks } = this.#options;
    if (clock.monotonic() - this.#refreshedAt < REFRESH_INTERVAL) return;
    this.#refreshedAt = clock.monotonic();
    try {
      for (const { camera, day } of await library.refresh()) marks.forget(camera, day);
    } catch (error) {
      this.#logFailure(error);
    }
  }

  async #thin(): Promise<void> {
    await this.#ages?.check();
    const now = this.#ages?.now;
    if (now !== undefined) await this.#thinning!.run(now);
  }

  /** Deletes segments whose last frame is older than the maximum age. */
  async #deleteOld(): Promise<void> {
    const { log, storage, retention } = this.#options;
    if (!retention) return;
    const isOld = ({ end, recordedBy = end }: OldSegment) =>
      (this.#ages?.now ?? -Infinity) - recordedBy > retention.maxAge;
    let [segments, bytes] = [0, 0];
    for (let end = "batch"; end === "batch" && !this.#stopping.signal.aborted;) {
      const deleted = await storage.deleteOldest((segment) => isOld(segment) ? "delete" : "stop");
      segments += deleted.segments;
      bytes += deleted.bytes;
      end = deleted.end;
      // Others have their turn.
      if (end === "batch") await new Promise((resolve) => setTimeout(resolve, 0));
    }
    if (segments >= MANY) log.info("old recordings deleted", { segments, size: formatSize(bytes) });
  }

  /** Removes the folders of days, as "camera/day", if they have no segments any more. */
  async #removeEmptyDays(days: readonly string[]): Promise<void> {
    const { library } = this.#options;
    for (const folder of days) {
      const [camera, day] = folder.split("/") as [string, string];
      const start = parseDay(day)!;
      const isEmpty = this.#isElsewhere(day) &&
        (await library.segments(camera, start, start + DAY - 1)).length === 0;
      if (isEmpty) await this.#removeDay(camera, day);
    }
    const changed = new Set(days.map((folder) => folder.split("/")[0]!));
    for (const camera of changed) await this.#removeCamera(camera);
  }

  /** Removes the folders of days before the oldest recording, such as after a crash. */
  async #searchFolders(): Promise<void> {
    const { root, disk, library } = this.#options;
    for (const camera of library.cameras) {
      const { oldest } = library.extent(camera);
      for (const name of await listOrNone(disk, `${root}/${camera}`)) {
        const isPast = parseDay(name) !== undefined && this.#isElsewhere(name) &&
          (oldest === undefined || name < dayOf(oldest));
        if (isPast) await this.#removeDay(camera, name);
      }
      await this.#removeCamera(camera);
    }
  }

  async #removeDay(camera: string, day: string): Promise<void> {
    try {
      const isRemoved = await removeEmptyDay(camera, day, this.#options);
      if (isRemoved) this.#options.marks.forget(camera, day);
    } catch (error) {
      this.#logFailure(error);
    }
  }

  /** Removes the empty folder of a camera that is not recorded any more. */
  async #removeCamera(camera: string): Promise<void> {
    const { root, disk, library, records } = this.#options;
    if (records(camera) || library.extent(camera).oldest !== undefined) return;
    await disk.remove(`${root}/${camera}`).catch(() => {}); // it has other files
  }

  /** Whether a day is over, or in the future, by more than a day; also if the clock is wrong. */
  #isElsewhere(day: string): boolean {
    const { clock } = this.#options;
    return [clock.now(), this.#ages ? this.#ages.now : clock.now()].every((now) =>
      now !== undefined && (day < dayOf(now - DAY) || day > dayOf(now + DAY))
    );
  }

  #logFailure(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    const reason = explain(error);
    if (this.#logged.has(reason) || this.#logged.size > 100) return;
    this.#logged.add(reason);
    this.#options.log.warn("retention failed", { reason });
  }
}
