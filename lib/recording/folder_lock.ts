import { ConfigError, explain } from "../errors.ts";
import type { Log } from "../log.ts";
import { quote } from "../quote.ts";
import type { Disk } from "./disk.ts";

/** Name of the file that marks the folder of recordings, and that is locked while a server records. */
export const MARKER = ".dinocam";

const TEXT = "Recordings of dinocam. A server that records here locks this file; see its README.\n";

/**
 * Takes a folder for the recordings of this process, until the result is disposed of or the process
 * ends. Creates the folder if its parent exists. To be called before the server serves: it is
 * synchronous.
 *
 * @throws {ConfigError} If it is no folder, cannot be written to, or another server records there.
 */
export function openFolder(root: string, { log }: { log: Log }): Disposable {
  makeFolder(root);
  const marker = openMarker(root);
  try {
    if (!lock(marker, { root, log })) {
      throw new ConfigError(
        `Cannot record in ${quote(root)}: another dinocam server records there; ` +
          "stop it, or choose another RECORD_DIR",
      );
    }
    writeText(marker, root);
    return { [Symbol.dispose]: () => marker.close() };
  } catch (error) {
    marker.close();
    throw error;
  }
}

/** Returns whether the folder of the recordings is there: its disk may have been unmounted. */
export function isAvailable(disk: Pick<Disk, "stat">, root: string): Promise<boolean> {
  return disk.stat(`${root}/${MARKER}`).then(() => true, () => false);
}

function makeFolder(root: string): void {
  try {
    if (Deno.statSync(root).isDirectory) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw refusal(root, error);
    return create(root);
  }
  throw new ConfigError(
    `Cannot record in ${quote(root)}: it is not a folder; choose another RECORD_DIR`,
  );
}

function create(root: string): void {
  try {
    Deno.mkdirSync(root);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      const reason = root.startsWith("~")
        ? 'no shell has replaced the "~"; write the whole path'
        : "its parent folder does not exist; create it, mount its disk, or choose another RECORD_DIR";
      throw new ConfigError(`Cannot record in ${quote(root)}: ${reason}`);
    }
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new ConfigError(
        `Cannot record in ${quote(root)}: it is a link to a folder that does not exist; ` +
          "create that folder, mount its disk, or choose another RECORD_DIR",
      );
    }
    throw refusal(root, error);
  }
}

function openMarker(root: string): Deno.FsFile {
  try {
    return Deno.openSync(`${root}/${MARKER}`, { read: true, write: true, create: true });
  } catch (error) {
    throw refusal(root, error);
  }
}

/**
 * Locks the marker. Where that is not possible, as on some network shares, warns and goes on.
 *
 * @returns Whether no other process has locked it.
 */
function lock(file: Deno.FsFile, { root, log }: { root: string; log: Log }): boolean {
  try {
    return file.tryLockSync(true);
  } catch (error) {
    log.warn("recording without a lock", {
      folder: root,
      reason: explain(error),
      hint: "no other server may record in this folder",
    });
    return true;
  }
}

function writeText(file: Deno.FsFile, root: string): void {
  try {
    // Deno 2.9 refuses `statSync` where a part of the path is a link, and permits everything else.
    if (file.seekSync(0, Deno.SeekMode.End) > 0) return;
    file.writeSync(new TextEncoder().encode(TEXT));
  } catch (error) {
    throw refusal(root, error);
  }
}

/** Returns the error for a folder that cannot be used. */
function refusal(root: string, error: unknown): ConfigError {
  const reason = error instanceof Deno.errors.NotCapable
    ? "Deno permits no files in /dev, /proc and /sys; choose another RECORD_DIR, such as " +
      "/run/user/1000/dinocam to record in memory"
    : error instanceof Deno.errors.PermissionDenied
    ? "permission denied; give this user write access, or choose another RECORD_DIR"
    : error instanceof Deno.errors.NotADirectory
    ? "a part of the path is not a folder; choose another RECORD_DIR"
    : isReadOnly(error)
    ? "its file system is read-only; choose another RECORD_DIR"
    : `${explain(error)}; choose another RECORD_DIR`;
  return new ConfigError(`Cannot record in ${quote(root)}: ${reason}`);
}

function isReadOnly(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EROFS";
}
