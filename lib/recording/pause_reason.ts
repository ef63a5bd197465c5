import { codeOf } from "./file_system.ts";
import { StorageError } from "./storage.ts";

/** Reasons by the codes of errors. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "The disk is full; delete files, or lower RECORD_MAX",
  EDQUOT: "The disk quota is used up; delete files, or lower RECORD_MAX",
  EFBIG: "The disk takes no larger file; lower RECORD_MAX",
  EROFS: "The disk is read-only; it may be damaged: check it, and mount it for writing",
  EIO: "The disk reports an input/output error; check its cable, or replace it",
  ENODEV: "The disk is gone; connect and mount it",
  ENXIO: "The disk is gone; connect and mount it",
  ENOENT: "A folder in RECORD_DIR is gone; connect and mount its disk",
  ENOTDIR: "A folder in RECORD_DIR is a file; move it away",
  EACCES: "Writing to RECORD_DIR is not permitted; give the user of dinocam the permission",
  EPERM: "Writing to RECORD_DIR is not permitted; give the user of dinocam the permission",
  EMFILE: "Too many files are open; raise the limit of open files",
  ENFILE: "Too many files are open; raise the limit of open files",
  ESTALE: "The network share is gone; mount it again",
  ETIMEDOUT: "The network share does not respond; check the network",
};

/** The disk takes frames more slowly than the camera delivers them. */
export const TOO_SLOW =
  "The disk is too slow: frames are dropped; lower RECORD_FPS, or use a faster disk";
/** An operation takes longer than it can take. */
export const NO_RESPONSE =
  "The disk does not respond; check it, its connection, and the load of this machine";

/** What ends the message of a failed operation, such as `, open '/media/disk/front'`. */
const PATH = /[,:] \w+ '.*$/s;

/** Says for users why recording has paused, and what to do. Names no path: clients get it, too. */
export function pauseReason(error: unknown): string {
  if (error instanceof StorageError) return error.message;
  const message = error instanceof Error ? error.message : String(error);
  return REASONS[codeOf(error) ?? ""] ??
    `Cannot write to RECORD_DIR: ${message.replace(PATH, "")}`;
}

/** Whether an error says that a disk has no room for anything new. */
export function isFull(error: unknown): boolean {
  return error instanceof StorageError ||
    ["ENOSPC", "EDQUOT", "EROFS"].includes(codeOf(error) ?? "");
}
