import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Disk } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import { isAvailable } from "./folder_lock.ts";
import type { Library, OldSegment } from "./library.ts";
import type { Segment } from "./segment.ts";
import { segmentPath } from "./segment_name.ts";

/** Number of segments that one call deletes at most, so that others do not wait for long. */
const BATCH = 32;
/** Number of segments that are listed at a time. */
const LISTED = 16;
/** Time after which a segment that could not be deleted is tried again, in milliseconds. */
const RETRY_AFTER = 600_000;
/** Number of such segments after which a call gives up. */
const MAX_FAILURES = 100;

/** Options of {@link Deletion}. */
export interface DeletionOptions {
  /** Folder of the recordings. */
  readonly root: string;
  readonly disk: Pick<Disk, "remove" | "stat">;
  readonly library: Pick<Library, "oldest" | "remove">;
  /** Whether a mark keeps something between two times. */
  readonly keeps: (camera: string, start: number, end: number) => Promise<boolean>;
  /** Called when a file is gone; the library still has the segment. */
  readonly onDelete: (segment: Segment) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Which segments to delete. It is called for segments from the oldest one on. */
export type Decision = (segment: OldSegment) => "delete" | "stop";

/** What a call of {@link Deletion.deleteOldest} has done. */
export interface Deleted {
  readonly segments: number;
  readonly bytes: number;
  /**
   * Why it ended. `stopped`: by the decision. `batch`: there may be more to delete. `exhausted`:
   * there is no other segment that may be deleted.
   */
  readonly end: "stopped" | "batch" | "exhausted";
  /** Whether a mark keeps a segment that would have been deleted. */
  readonly isKept: boolean;
  /** Why a segment could not be deleted. */
  readonly failure: string | undefined;
}

/**
 * Deletes segments: one at a time, the oldest one first, and only files that the library lists.
 * Never deletes an open segment, nor what a mark keeps.
 */
export class Deletion {
  readonly #options: DeletionOptions;
  /** When to try again to delete a file, by path. */
  readonly #failures = new Map<string, number>();
  /** Folders and codes of failures that were logged. */
  readonly #logged = new Set<string>();
  readonly #spared = new Set<string>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: DeletionOptions) {
    this.#options = options;
  }

  /** Deletes the oldest segments, as long as a decision says so. Calls wait for each other. */
  deleteOldest(decide: Decision): Promise<Deleted> {
    const deleting = this.#last.then(() => this.#deleteOldest(decide));
    this.#last = deleting.catch(() => {}); // the caller gets the error
    return deleting;
  }

  /** Prevents the deletion of a segment that is being rewritten, until it is disposed. */
  async spare(segment: Segment): Promise<Disposable> {
    const path = this.#path(segment);
    this.#spared.add(path);
    await this.#last; // it may be about to be deleted
    return { [Symbol.dispose]: () => void this.#spared.delete(path) };
  }

  async #deleteOldest(decide: Decision): Promise<Deleted> {
    const done = { segments: 0, bytes: 0, isKept: false, failure: undefined as string | undefined };
    let failures = 0;
    for (let count = LISTED;;) {
      const oldest = await this.#options.library.oldest(count);
      let skipped = 0;
      for (const segment of oldest) {
        if (decide(segment) === "stop") return { ...done, end: "stopped" };
        const failure = await this.#delete(segment);
        if (failure === undefined) {
          done.segments++;
          done.bytes += segment.bytes;
          if (done.segments === BATCH) return { ...done, end: "batch" };
          continue;
        }
        skipped++;
        if (failure === KEPT) done.isKept = true;
        else if (failure) done.failure = failure;
        if (failure === UNAVAILABLE || failure && failure !== KEPT && ++failures > MAX_FAILURES) {
          return { ...done, end: "exhausted" };
        }
      }
      if (oldest.length < count) return { ...done, end: "exhausted" };
      // Those that stay are listed again, and more behind them.
      count = skipped === oldest.length ? 2 * count : Math.max(LISTED, 2 * skipped);
    }
  }

  /** Deletes a segment. @returns Why not, if it stays. */
  async #delete(segment: Segment): Promise<string | undefined> {
    const { disk, library, keeps, onDelete, clock } = this.#options;
    const path = this.#path(segment);
    if (this.#spared.has(path)) return "";
    const retryAt = this.#failures.get(path);
    if (retryAt !== undefined && clock.monotonic() < retryAt) return "";
    try {
      if (await keeps(segment.camera, segment.start, segment.end)) return KEPT;
      await disk.remove(path);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") return this.#fail(segment, error);
      if (!await isAvailable(disk, this.#options.root)) return UNAVAILABLE;
      // Somebody else has deleted it.
    }
    this.#failures.delete(path);
    onDelete(segment);
    try {
      await library.remove(segment);
    } catch (error) {
      this.#options.log.warn("index of recordings not written", {
        camera: segment.camera,
        day: segment.day,
        reason: explain(error),
      });
    }
    return undefined;
  }

  /** Remembers, and logs once for a folder, that a segment could not be deleted. */
  #fail(segment: Segment, error: unknown): string {
    const path = this.#path(segment);
    const reason = explain(error);
    this.#failures.delete(path);
    this.#failures.set(path, this.#options.clock.monotonic() + RETRY_AFTER);
    if (this.#failures.size > 10_000) this.#failures.delete(this.#failures.keys().next().value!);
    const key = `${segment.camera}/${segment.day}: ${codeOf(error) ?? reason}`;
    if (!this.#logged.has(key) && this.#logged.size < 1000) {
      this.#logged.add(key);
      this.#options.log.warn("recording not deleted", { path, reason });
    }
    return reason;
  }

  #path(segment: Segment): string {
    return segmentPath(this.#options.root, segment);
  }
}

const KEPT = "A mark keeps it";
const UNAVAILABLE = "The folder of the recordings is not available";
