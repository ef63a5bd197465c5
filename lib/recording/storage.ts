/** Recording is not possible now; the message says why, for users. */
export class StorageError extends Error {
  override name = "StorageError";
}

/** Limits of the recordings' size: `RECORD_MAX`, and a floor of free space. */
export interface Storage {
  /**
   * Requests room for bytes that are about to be written, with the index that they need. Deletes the
   * oldest segments if necessary.
   *
   * @returns undefined if there is room at once; otherwise a promise that resolves when there is.
   * @throws {StorageError} Also by the promise: if there is no room and nothing may be deleted.
   */
  reserve(bytes: number): Promise<void> | undefined;
  /** Gives back room that was requested but not used. */
  release(bytes: number): void;
  /** Reports that the disk has refused to write, as it is full (`ENOSPC`, `EDQUOT`). */
  noSpace?(): void;
  /** Maximum size of a segment, in bytes. */
  readonly maxSegment: number;
  /** Bytes that fit in the limits, those already recorded included. */
  readonly capacity: number;
}

/** The replacement of a segment by a smaller file. When it is disposed, unused room is given back. */
export interface Replacement extends Disposable {
  /** Reports that the new file has replaced the old one. */
  commit(): void;
}
