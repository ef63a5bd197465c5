import type { EditTask, Processed, Refused } from "../pixels/task.ts";
import type { BrokenImages, NormalizedImage } from "./normalize.ts";

/** Number of pictures refused for the same reason after which the reason is reported. */
const REPORTED_FROM = 3;
/** Maximum number of reasons that are reported for one capture. */
const MAX_REASONS = 10;
const FORMAT_HINT =
  "set the camera to baseline JPEG, or let ffmpeg encode its pictures: CAMERA=exec " +
  "SOURCE='ffmpeg -i ADDRESS -f mjpeg -'";

/** Counts the pictures of a camera that were not edited, over all its captures. */
export interface EditCounts {
  /** Pictures that could not be edited. */
  refused: number;
  /** Pictures that were dropped as editing took too long. */
  skipped: number;
}

/** Report that pictures cannot be edited. */
export interface RefusalReport {
  /** What happens, and why: "pictures that cannot be masked are dropped: progressive JPEG". */
  readonly reason: string;
  /** What the user can do. */
  readonly hint: string;
}

/** Options of {@link EditResults}. */
export interface EditResultsOptions {
  readonly counts: EditCounts;
  readonly broken: BrokenImages;
  readonly onRefused: (report: RefusalReport) => void;
}

/**
 * The results of editing the pictures of one capture: decides what is shown, counts what cannot be
 * edited, and reports why.
 */
export class EditResults {
  readonly #options: EditResultsOptions;
  /** What cannot be done, as in "cannot be masked". */
  readonly #failure: string;
  /** Whether pictures without the edit are dropped. */
  readonly #drops: boolean;
  /** Number of pictures refused for each reason. */
  readonly #reasons = new Map<string, number>();

  constructor(task: EditTask, options: EditResultsOptions) {
    this.#options = options;
    const { failure, drops } = failureOf(task);
    this.#failure = failure;
    this.#drops = drops;
  }

  /** Returns what is shown of an image; undefined if nothing is. */
  of(image: NormalizedImage, result: Processed | Refused): NormalizedImage | undefined {
    const { broken } = this.#options;
    if (!("refused" in result)) {
      broken.admit();
      return { ...image, jpeg: result.jpeg, size: result.size };
    }
    this.#count(result.refused);
    if (!this.#drops) return image;
    const explanation = `${this.#failure}: ${result.refused}`;
    broken.refuse(explanation, hintFor(result.refused));
    return undefined;
  }

  #count(refused: string): void {
    const { counts, onRefused } = this.#options;
    counts.refused++;
    const number = (this.#reasons.get(refused) ?? 0) + 1;
    if (number > 1 || this.#reasons.size < MAX_REASONS) this.#reasons.set(refused, number);
    if (number !== REPORTED_FROM) return;
    const what = this.#drops ? "are dropped" : "are shown without it";
    const reason = `pictures that ${this.#failure} ${what}: ${refused}`;
    onRefused({ reason, hint: hintFor(refused) });
  }
}

/** Returns what happens to pictures that cannot be edited. */
export function failureOf(
  { mask, orientation: { rotation, mirrored } }: EditTask,
): { failure: string; drops: boolean } {
  if (mask.length > 0) return { failure: "cannot be masked", drops: true };
  if (rotation !== 0 || mirrored) return { failure: "cannot be turned", drops: true };
  return { failure: "cannot get a text", drops: false };
}

/**
 * Returns what the user can do about pictures that cannot be edited.
 *
 * @param forFormat Hint for pictures of a format that cannot be edited.
 */
export function hintFor(refused: string, forFormat = FORMAT_HINT): string {
  if (refused.startsWith("damaged JPEG")) {
    return "the pictures arrive damaged: check the camera's cable, power supply or network";
  }
  if (/^the Worker failed|causes an error/.test(refused)) {
    return "restart the server; if that does not help, report this as a defect of dinocam";
  }
  return forFormat;
}
