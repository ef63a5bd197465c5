import type { Disk, DiskStat } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import { MARKER } from "./folder_lock.ts";
import { StorageError } from "./storage.ts";

/** Options of a {@link RecordFolder}. */
export interface RecordFolderOptions {
  readonly disk: Disk;
  /** Folder of the recordings. */
  readonly root: string;
}

/**
 * Creates the folders of cameras and their days, but never the folder of the recordings: if its disk is
 * not mounted, nothing may be written to the disk beneath it.
 */
export class RecordFolder {
  readonly #options: RecordFolderOptions;
  #marker: DiskStat | undefined;

  constructor(options: RecordFolderOptions) {
    this.#options = options;
  }

  /**
   * Creates the folder of a camera's day.
   *
   * @throws {StorageError} If the folder of the recordings is gone, or on another disk.
   */
  async makeDay(camera: string, day: string): Promise<void> {
    const { disk, root } = this.#options;
    await this.check();
    await disk.makeFolder(`${root}/${camera}`);
    await disk.makeFolder(`${root}/${camera}/${day}`);
  }

  /**
   * Makes the name of a file in the folder of a day survive a power failure.
   *
   * @param isNew Whether the folder of the day may be new, too.
   */
  async sync(camera: string, day: string, isNew: boolean): Promise<void> {
    const { disk, root } = this.#options;
    await disk.syncFolder(`${root}/${camera}/${day}`);
    if (!isNew) return;
    await disk.syncFolder(`${root}/${camera}`);
    await disk.syncFolder(root);
  }

  /** @throws {StorageError} If the folder of the recordings is gone, or on another disk. */
  async check(): Promise<void> {
    const { disk, root } = this.#options;
    try {
      const marker = await disk.stat(`${root}/${MARKER}`);
      this.#marker ??= marker;
      if (isSame(marker, this.#marker)) return;
    } catch (error) {
      if (!["ENOENT", "ENOTDIR"].includes(codeOf(error)!)) throw error;
    }
    throw new StorageError(
      "The folder RECORD_DIR is gone, or on another disk; connect and mount its disk, or restart dinocam",
    );
  }
}

/** Maximum difference of a file's times after its disk was mounted again: FAT counts 2 s. */
const TIME_RESOLUTION = 2_000;

/**
 * Whether two results of `stat` are of the same marker. A disk that was unplugged often gets
 * another number when it is back, but the marker keeps the time at which it was written.
 */
function isSame(a: DiskStat, b: DiskStat): boolean {
  return a.device === b.device || Math.abs(a.modified - b.modified) <= TIME_RESOLUTION;
}
