import type { Bytes } from "../bytes.ts";

/**
 * The file operations of the recorder. All are asynchronous, so that a slow disk does not delay
 * viewers. Tests pass a disk that hangs, is full, or disappears.
 *
 * An operation rejects with an error that has a `code`, such as `ENOSPC`.
 */
export interface Disk {
  /** Creates a file for writing and reading. Rejects with `EEXIST` if it exists. */
  create(path: string): Promise<DiskFile>;
  /** Opens a file. @param mode `append`: for writing and reading; created if it does not exist. */
  open(path: string, mode: "read" | "append"): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or an empty folder. */
  remove(path: string): Promise<void>;
  /** Creates a folder. Its parent must exist; the folder may exist. */
  makeFolder(path: string): Promise<void>;
  /** Returns the names in a folder, unsorted; rejects with `ENOENT` if it does not exist. */
  list(path: string): Promise<string[]>;
  /** Like {@link list}, but only the names of regular files: no folders, links, pipes or devices. */
  listFiles(path: string): Promise<string[]>;
  stat(path: string): Promise<DiskStat>;
  /** Returns the space of the file system that a path belongs to. */
  space(path: string): Promise<DiskSpace>;
  /** Makes the names in a folder survive a power failure. */
  syncFolder(path: string): Promise<void>;
}

/**
 * An open file. Calls must not overlap, except for those of {@link DiskFile.readAt} of a file that
 * was opened to read.
 */
export interface DiskFile {
  /**
   * Writes buffers at the end of the file. Either all bytes are written, or it rejects; then the
   * file may contain a part of them.
   */
  append(buffers: readonly Bytes[]): Promise<void>;
  /** Overwrites bytes at a position. */
  writeAt(position: number, bytes: Bytes): Promise<void>;
  /** Reads into a buffer. @returns Number of bytes read: fewer only at the end of the file. */
  readAt(position: number, into: Bytes): Promise<number>;
  /** Makes the content survive a power failure (`fdatasync`). */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** What `stat` says about a path. */
export interface DiskStat {
  readonly isFolder: boolean;
  /** In bytes. */
  readonly size: number;
  /** Number of the file system. */
  readonly device: number;
  /** Time of the last change, in milliseconds since the Unix epoch. */
  readonly modified: number;
}

/** Space of a file system. */
export interface DiskSpace {
  /** Space that this user may still write, in bytes. */
  readonly free: number;
  /** Size of the file system, in bytes. */
  readonly size: number;
  /** Number of files that can still be created; `Infinity` if the file system has no limit. */
  readonly freeFiles: number;
}
