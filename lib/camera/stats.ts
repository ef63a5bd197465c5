import type { CameraError } from "../errors.ts";
import type { Size } from "../jpeg/segments.ts";
import type { DeliveryStats } from "./delivery_stats.ts";

/** State of a camera. `failed` lasts until frames flow again, even without viewers. */
export type CameraState = "off" | "starting" | "streaming" | "failed";

/** State and counters of a camera. Counters start with the server. */
export interface CameraStats {
  readonly name: string;
  readonly driver: string;
  readonly state: CameraState;
  /** Measured frames per second. */
  readonly fps: number;
  /** Number of viewers, including snapshots in progress. */
  readonly viewers: number;
  /** Number of background subscribers: recorder, publisher, detector. */
  readonly backgroundSubscribers: number;
  /** Size of the latest frame. */
  readonly size: Size | undefined;
  /** Why there are no frames. */
  readonly error: CameraError | undefined;
  /** Time of the first failure since the last frame, in milliseconds since the Unix epoch. */
  readonly failingSince: number | undefined;
  /** The last failure, even if the camera has recovered from it. */
  readonly lastFailure: CameraError | undefined;
  /** Frames received from the camera. */
  readonly frames: number;
  /** Frames that viewers were too slow to receive. */
  readonly dropped: number;
  /** Frames that background subscribers were too slow to receive. */
  readonly backgroundDropped: number;
  /** Images from the camera that were broken, cut short or too large. */
  readonly broken: number;
  /**
   * Images from the camera that could not be turned, masked or given a text. They are broken, too,
   * unless only the text is missing.
   */
  readonly refused: number;
  /** Images from the camera that were dropped as turning them took too long. */
  readonly editSkipped: number;
  /** Number of failures. */
  readonly failures: number;
  /** Frames delivered to viewers. */
  readonly sent: Readonly<DeliveryStats>;
}
