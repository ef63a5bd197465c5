import type { Clock } from "../clock.ts";
import type { Disk } from "./disk.ts";

/** Free space that always remains on the disk, in bytes: at least this, */
const MIN_FLOOR = 256_000_000;
/** or as much as is recorded in this many milliseconds, */
const FLOOR_DURATION = 120_000;
/** but at most this part of the disk. */
const MAX_FLOOR_PART = 1 / 10;
/** Number of files that must still be possible. */
const MIN_FREE_FILES = 64;
/**
 * Maximum time until the file system shows the space of deleted files as free, in milliseconds.
 * Later, the space is in use by something else, such as a client that reads the file.
 */
const DELETION_LAG = 60_000;
/** Duration over which the present rate is averaged, in milliseconds. */
const RATE_PERIOD = 60_000;

/** Options of {@link FreeSpace}. */
export interface FreeSpaceOptions {
  /** Folder of the recordings. */
  readonly root: string;
  readonly disk: Pick<Disk, "space">;
  readonly clock: Clock;
}

/**
 * Watches the free space of a disk, and determines how much has to remain.
 *
 * Space of deleted files counts as free at once, although file systems show it later. Otherwise the
 * lag would cause the deletion of more files than necessary.
 */
export class FreeSpace {
  readonly #options: FreeSpaceOptions;
  #measured: { free: number; size: number; freeFiles: number; at: number } | undefined;
  /** Bytes of deleted files that are not shown as free yet. */
  #pending = 0;
  #pendingSince = 0;
  #deletedFiles = 0;
  /** Bytes written since the last measurement. */
  #written = 0;
  #rate = 0;

  constructor(options: FreeSpaceOptions) {
    this.#options = options;
  }

  /** Reads the free space of the disk. Rejects if the folder is not accessible. */
  async measure(): Promise<void> {
    const { clock, disk, root } = this.#options;
    const written = this.#written;
    const { size, freeFiles, ...space } = await disk.space(root);
    const free = Math.min(space.free, Number.MAX_SAFE_INTEGER); // infinite would break the sums
    const at = clock.monotonic();
    const last = this.#measured;
    if (last) {
      // What was written meanwhile hides a part of what was deleted.
      const gained = Math.max(0, free - last.free + written);
      this.#pending = at - this.#pendingSince > DELETION_LAG
        ? 0
        : Math.max(0, this.#pending - gained);
      this.#updateRate(written, at - last.at);
    }
    this.#deletedFiles = 0;
    this.#written -= written;
    this.#measured = { free, size, freeFiles, at };
  }

  /** Counts bytes that are written. */
  count(written: number): void {
    this.#written += written;
  }

  /** Counts the space of a file that was deleted. */
  countDeleted(bytes: number): void {
    if (this.#pending === 0) this.#pendingSince = this.#options.clock.monotonic();
    this.#pending += bytes;
    this.#deletedFiles++;
  }

  /** Bytes counted as written since the last measurement. */
  get writtenSince(): number {
    return this.#written;
  }

  /** Free space at the last measurement, with that of files deleted since, in bytes. */
  get free(): number {
    return (this.#measured?.free ?? Infinity) + this.#pending;
  }

  /** Free space that has to remain, in bytes; 0 before the first measurement. */
  get floor(): number {
    if (!this.#measured) return 0;
    const wanted = Math.max(MIN_FLOOR, this.#rate * FLOOR_DURATION);
    return Math.floor(Math.min(wanted, this.#measured.size * MAX_FLOOR_PART));
  }

  /** Bytes that are missing for the floor; 0 or less if there is enough free space. */
  get shortage(): number {
    return this.floor - this.free;
  }

  /** Number of files that have to be deleted before new ones can be created. */
  get missingFiles(): number {
    const { freeFiles } = this.#measured ?? { freeFiles: Infinity };
    return Math.max(0, MIN_FREE_FILES - freeFiles - this.#deletedFiles);
  }

  /** Average rate at which bytes are written, in bytes per millisecond. */
  #updateRate(written: number, elapsed: number): void {
    if (elapsed <= 0) return;
    const weight = Math.min(1, elapsed / RATE_PERIOD);
    this.#rate += weight * (written / elapsed - this.#rate);
  }
}
