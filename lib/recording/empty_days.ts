import type { Disk } from "./disk.ts";
import { listOrNone } from "./file_system.ts";
import type { SegmentLibrary } from "./segment_library.ts";
import { INDEX_NAME, isTemporaryName, MARKS_NAME } from "./segment_name.ts";

/** Options of {@link removeEmptyDay}. */
export interface EmptyDayOptions {
  /** Folder of the recordings. */
  readonly root: string;
  readonly disk: Pick<Disk, "list" | "remove" | "stat">;
  readonly library: Pick<SegmentLibrary, "account" | "removeDay">;
}

/**
 * Removes the folder of a day in which nothing is left but its index and its marks. A folder with
 * any other file stays.
 *
 * @returns Whether the folder is gone.
 */
export async function removeEmptyDay(
  camera: string,
  day: string,
  { root, disk, library }: EmptyDayOptions,
): Promise<boolean> {
  const folder = `${root}/${camera}/${day}`;
  const names = await listOrNone(disk, folder);
  const isOurs = (name: string) =>
    name === INDEX_NAME || name === MARKS_NAME || isTemporaryName(name);
  if (!names.every(isOurs)) return false;
  for (const name of names) {
    if (name === INDEX_NAME) continue; // the library may be writing it
    const { size } = await disk.stat(`${folder}/${name}`);
    await disk.remove(`${folder}/${name}`);
    if (name === MARKS_NAME) library.account(camera, day, -size);
  }
  return await library.removeDay(camera, day);
}
