import type { Bytes } from "./bytes.ts";

/**
 * A complete JPEG image, from its SOI marker (FF D8) to its EOI marker (FF D9). Shared: do not
 * write to it.
 */
export type Jpeg = Bytes;

/** One image from a camera. All subscribers share the object, so it must not be changed. */
export interface Frame {
  readonly jpeg: Jpeg;
  /**
   * Capture time in milliseconds since the Unix epoch: the arrival of the complete image, or the
   * timestamp of a relayed camera, whose clock may differ from this machine's.
   */
  readonly capturedAt: number;
  /**
   * Arrival time on this server's monotonic clock, in milliseconds: for durations and for ordering.
   */
  readonly monotonic: number;
  /** Counts from 1; a gap between two frames is the number of frames dropped. */
  readonly sequence: number;
}

/** Maximum size of a JPEG in bytes; larger images are treated as corrupt. */
export const MAX_FRAME = 16 * 1024 * 1024;
