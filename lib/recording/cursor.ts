import type { Jpeg } from "../frame.ts";
import type { Segment } from "./segment.ts";

/** A recorded frame, without its image. */
export interface FrameRef {
  /** Capture time, in milliseconds since the Unix epoch; a whole number. */
  readonly at: number;
  /** Size of the JPEG, in bytes. */
  readonly size: number;
  readonly segment: Segment;
  /** Position among the frames of the segment, from 0. */
  readonly index: number;
}

/**
 * Reads one camera's recordings at any moment and in both directions, across segments, with those
 * that are being recorded. Keeps at most one file open.
 *
 * A segment that is deleted meanwhile is skipped. Calls must not overlap.
 */
export interface Cursor extends AsyncDisposable {
  /**
   * Finds a frame, and moves to it.
   *
   * @param edge The last frame at or before a time, or the first one at or after it.
   * @returns undefined if there is none; the cursor then stays where it is.
   */
  seek(at: number, edge: "before" | "after"): Promise<FrameRef | undefined>;
  /**
   * Moves to the next frame (1) or the previous one (-1).
   *
   * @returns undefined if there is none; the cursor then stays where it is.
   */
  step(by: 1 | -1): Promise<FrameRef | undefined>;
  /**
   * Reads the image of the frame that the last call has found, in a buffer with headroom (see
   * `HEADROOM`).
   *
   * @returns undefined if it has been deleted or is damaged.
   */
  read(): Promise<Jpeg | undefined>;
}
