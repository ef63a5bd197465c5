/** A range of addresses. */
export interface Range {
  readonly start: bigint;
  readonly length: bigint;
}

/** The address range, the permissions and the inode of a mapping, then its fields. */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ (\d+).*\n((?:[A-Z].*\n)+)/gm;
/** Read-only or executable, and private. */
const READ_ONLY = /^r-[-x]p$/;

/**
 * Finds the mappings with the given addresses in the text of `/proc/self/smaps`. Leaves out those
 * whose pages cannot all be read again from their file: writable, not of a file, or with a changed
 * page, in memory or swapped out. `Private_Dirty` does not tell: it counts the pages of a program
 * that was installed a moment ago and is not on the disk yet, too.
 */
export function findProgramPages(smaps: string, addresses: readonly bigint[]): Range[] {
  const ranges: Range[] = [];
  for (const [, from, to, permissions, inode, fields] of smaps.matchAll(MAPPING)) {
    const [start, end] = [BigInt(`0x${from}`), BigInt(`0x${to}`)];
    if (!addresses.some((address) => start <= address && address < end)) continue;
    const unchanged = isZero("Anonymous", fields!) && isZero("Swap", fields!);
    if (READ_ONLY.test(permissions!) && inode !== "0" && unchanged) {
      ranges.push({ start, length: end - start });
    }
  }
  return ranges;
}

function isZero(field: string, fields: string): boolean {
  return new RegExp(`^${field}: +0 kB$`, "m").test(fields);
}
