import { hintFor } from "../camera/edit_results.ts";
import { FrameRate } from "../camera/frame_rate.ts";
import type { Clock } from "../clock.ts";
import { CameraError } from "../errors.ts";
import type { Jpeg } from "../frame.ts";
import type { Size } from "../jpeg/segments.ts";
import type { Refused } from "../pixels/task.ts";

/** Number of pictures in a row that cannot be converted, after which viewers get an error. */
export const MAX_REFUSED = 3;
const FORMAT_HINT = "leave out height, quality and overlay, or set the camera to baseline JPEG";

/** Counters of one rendition, or of all of a camera. */
export interface RenditionCounts {
  /** Pictures that were made. */
  frames: number;
  /** Pictures that were left out, as newer ones came first. */
  dropped: number;
  /** Pictures that could not be converted. */
  refused: number;
}

/** A picture of a rendition. */
export interface ConvertedPicture {
  readonly jpeg: Jpeg;
  readonly size: Size | undefined;
}

/** Counts the conversions of a rendition, and decides when they have failed. */
export class Conversions {
  readonly counts: Readonly<RenditionCounts>;
  readonly #clock: Clock;
  readonly #totals: RenditionCounts;
  readonly #counts: RenditionCounts = { frames: 0, dropped: 0, refused: 0 };
  readonly #rate = new FrameRate();
  #refusedInRow = 0;
  #size: Size | undefined;
  #error: CameraError | undefined;

  /** @param totals Counters of all renditions of the camera, which also count. */
  constructor(clock: Clock, totals: RenditionCounts) {
    this.#clock = clock;
    this.#totals = totals;
    this.counts = this.#counts;
  }

  /** Measured pictures per second. */
  get fps(): number {
    return this.#rate.at(this.#clock.monotonic());
  }

  /** Size of the last picture. */
  get size(): Size | undefined {
    return this.#size;
  }

  /** Why several pictures in a row could not be converted; undefined if the last one could. */
  get error(): CameraError | undefined {
    return this.#error;
  }

  /** Whether the last picture could not be converted. */
  get isRefused(): boolean {
    return this.#refusedInRow > 0;
  }

  /** Counts a picture that a newer one has replaced. */
  drop(): void {
    this.#count("dropped");
  }

  /** Counts a result. @returns Whether it is a picture. */
  accepts(result: ConvertedPicture | Refused): result is ConvertedPicture {
    if ("refused" in result) {
      this.#count("refused");
      if (++this.#refusedInRow >= MAX_REFUSED) this.#error = conversionError(result.refused);
      return false;
    }
    this.#refusedInRow = 0;
    this.#error = undefined;
    this.#size = result.size;
    this.#rate.add(this.#clock.monotonic());
    this.#count("frames");
    return true;
  }

  /** Begins to measure the frame rate again. */
  clearRate(): void {
    this.#rate.clear();
  }

  /** Begins again: there are no pictures for a while. */
  reset(): void {
    this.clearRate();
    this.#refusedInRow = 0;
    this.#error = undefined;
  }

  #count(what: keyof RenditionCounts): void {
    this.#counts[what]++;
    this.#totals[what]++;
  }
}

/** Returns the error for pictures that cannot be converted. */
export function conversionError(reason: string): CameraError {
  return new CameraError(`The camera's pictures cannot be converted: ${reason}`, {
    hint: hintFor(reason, FORMAT_HINT),
  });
}
