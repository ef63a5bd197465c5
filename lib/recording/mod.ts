/**
 * Records cameras in segments on disk, deletes and thins old segments, and reads them again.
 *
 * @module
 */
export { checkRecording } from "./check.ts";
export {
  type ClipFormat,
  type ClipQuery,
  Clips,
  type Refusal,
  type Rendering,
  type Sending,
} from "./clip.ts";
export type { ClipFileFormat } from "./clip_file.ts";
export type { ClipPlan } from "./clip_plan.ts";
export type { Cursor, FrameRef } from "./cursor.ts";
export type { Extent, Library, Span, Timeline } from "./library.ts";
export { openRecording, type RecordingOptions } from "./open_recording.ts";
export type { MutableRecording, Recording, RecordOptions } from "./recording.ts";
export type { Mark, Marks } from "./marks.ts";
export type { RecorderStatus } from "./status.ts";
export { StorageError } from "./storage.ts";
