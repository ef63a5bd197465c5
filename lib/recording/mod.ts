/**
 * Records cameras in segments on disk, deletes and thins old segments, and reads them again.
 *
 * @module
 */
export { checkRecording } from "./check.ts";
export { type ClipFormat, type ClipQuery, Clips, type Encoding, type Refusal } from "./clip.ts";
export type { ClipFileFormat } from "./clip_file.ts";
export type { ClipPlan } from "./clip_plan.ts";
export type { Cursor, FrameRef } from "./cursor.ts";
export type { Extent, Library, Span, Timeline } from "./library.ts";
export type { Mark, Marks } from "./marks.ts";
export type { RecorderStatus } from "./status.ts";
export { StorageError } from "./storage.ts";

import type { Clips } from "./clip.ts";
import type { Library } from "./library.ts";
import type { Marks } from "./marks.ts";
import type { RecorderStatus } from "./status.ts";

/** The recordings of all cameras, for routes and players. */
export interface Recording extends AsyncDisposable {
  readonly library: Library;
  readonly marks: Marks;
  readonly clips: Clips;
  /** State of a camera's recorder. */
  status(camera: string): RecorderStatus;
  /** How long the recordings fit at the present rate, in milliseconds; undefined if unknown. */
  readonly holds: number | undefined;
  /** What is recorded and where, for users: "Recording front, back in "/srv": at most 10 GB". */
  readonly summary: string;
}
