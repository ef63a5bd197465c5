import type { Disk } from "./disk.ts";
import { codeOf } from "./file_system.ts";
import { INDEX_NAME, isTemporaryName, MARKS_NAME } from "./segment_name.ts";

/**
 * Removes the folder of a day in which nothing is left but its index and its marks. A folder with
 * any other file stays.
 *
 * @returns Whether it has been removed, or does not exist.
 */
export async function removeEmptyDay(disk: Disk, folder: string): Promise<boolean> {
  let names: string[];
  try {
    names = await disk.list(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return true;
    throw error;
  }
  if (!names.every(isDispensable)) return false;
  for (const name of names) await disk.remove(`${folder}/${name}`);
  await disk.remove(folder);
  return true;
}

/** Whether a file means nothing without segments. */
function isDispensable(name: string): boolean {
  return [INDEX_NAME, `${INDEX_NAME}.tmp`, MARKS_NAME].includes(name) || isTemporaryName(name);
}
