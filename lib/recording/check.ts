import * as fs from "node:fs";
import { ConfigError, explain } from "../errors.ts";
import { output } from "../process/mod.ts";
import { quote } from "../quote.ts";
import { isClockSet } from "./clock_sync.ts";
import { FileSystemDisk } from "./file_system.ts";
import { formatSize } from "./size_setting.ts";

/** File systems in memory, by the number that `statfs` returns: tmpfs and ramfs. */
const IN_MEMORY = [0x01021994, 0x858458f6];
/** Maximum number of files whose sizes are added up. */
const MAX_FILES = 100_000;

/** A result for the doctor. */
export interface CheckResult {
  readonly verdict: "ok" | "note" | "warning" | "problem";
  readonly text: string;
  readonly advice?: string;
}

/** The folder to check. */
export interface FolderToCheck {
  /** `RECORD_DIR`. */
  readonly dir: string;
  /** `RECORD_MAX`, in bytes. */
  readonly maxBytes: number;
}

/**
 * Checks whether the server can record: the folder and its disk, the clock, and the program for
 * MP4 clips. Leaves nothing behind in the folder.
 */
export async function* checkRecording(
  { dir, maxBytes }: FolderToCheck,
  signal: AbortSignal,
): AsyncGenerator<CheckResult> {
  let created = false;
  try {
    created = await ensureFolder(dir);
    yield* await checkFolder(dir, maxBytes);
  } catch (error) {
    yield {
      verdict: "problem",
      text: `Cannot record in ${quote(dir)}: ${reasonOf(error)}`,
      advice: "set RECORD_DIR to a folder in which this user may write",
    };
  } finally {
    if (created) await Deno.remove(dir).catch(() => {}); // somebody else uses it by now
  }
  yield* await checkClock();
  yield* await checkProgram(signal);
}

/** Creates the folder if it is missing. @returns Whether it was missing. */
async function ensureFolder(dir: string): Promise<boolean> {
  try {
    if ((await Deno.stat(dir)).isDirectory) return false;
    throw new ConfigError("it is not a folder");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.mkdir(dir);
  return true;
}

async function checkFolder(dir: string, maxBytes: number): Promise<CheckResult[]> {
  await Deno.remove(await Deno.makeTempFile({ dir, prefix: ".dinocam-" }));
  const { free, size } = await new FileSystemDisk().space(dir);
  const results: CheckResult[] = [{
    verdict: "ok",
    text: `This user can record in ${quote(dir)}: ${formatSize(free)} free`,
  }];
  const recorded = await sizeOf(dir);
  const room = free + (recorded ?? 0) - Math.min(MIN_FREE, size / 10);
  if (recorded !== undefined && room < maxBytes) {
    results.push({
      verdict: "warning",
      text: `RECORD_MAX is ${formatSize(maxBytes)}, but the disk has room for ${formatSize(room)}`,
      advice: "recording deletes its oldest segments earlier; to keep more, free space on the disk",
    });
  }
  if (await isInUse(dir)) {
    results.push({
      verdict: "note",
      text: `Another dinocam server records in ${quote(dir)}`,
      advice: "to start another one, stop it first, or choose another RECORD_DIR",
    });
  }
  if (await isInMemory(dir)) {
    results.push({
      verdict: "note",
      text: `${quote(dir)} is in memory: its recordings are lost when the machine restarts`,
    });
  }
  return results;
}

/** Free space that recording leaves on the disk, in bytes. */
const MIN_FREE = 256_000_000;

/** Returns the size of all files in a folder; undefined if there are too many. */
async function sizeOf(dir: string): Promise<number | undefined> {
  let [bytes, files] = [0, 0];
  const folders = [dir];
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) folders.push(path);
      if (!isFile) continue;
      if (++files > MAX_FILES) return undefined;
      bytes += await Deno.stat(path).then(({ size }) => size, () => 0); // deleted meanwhile
    }
  }
  return bytes;
}

/** Whether a server holds the lock of the folder. */
async function isInUse(dir: string): Promise<boolean> {
  try {
    using file = await Deno.open(`${dir}/.dinocam`, { read: true, write: true });
    return !file.tryLockSync(true);
  } catch {
    return false; // nothing was recorded there yet, or the file system has no locks
  }
}

async function isInMemory(dir: string): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  return IN_MEMORY.includes((await fs.promises.statfs(dir)).type);
}

/** Checks whether systemd has set the clock since the machine has started. */
async function checkClock(): Promise<CheckResult[]> {
  if (await isClockSet()) return [];
  return [{
    verdict: "note",
    text: "The clock of this machine has not been synchronized since it started",
    advice: "recordings get their right time as soon as it is",
  }];
}

async function checkProgram(signal: AbortSignal): Promise<CheckResult[]> {
  try {
    await output(["ffmpeg"], ["-version"], signal);
    return []; // the doctor lists it with the programs of the drivers
  } catch {
    return [{
      verdict: "note",
      text: "ffmpeg not found (needed for clip.mp4)",
      advice: "sudo apt install ffmpeg; clip.mkv and clip.mjpeg need no program",
    }];
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    return "Deno does not permit it (it permits no files in /dev, /proc and /sys)";
  }
  if (error instanceof Deno.errors.NotFound) return "the folder that contains it does not exist";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return explain(error).replace(/ \(os error \d+\).*$/, "");
}
