import { type EditEngine, loadPixels } from "../camera/edited.ts";
import { failureOf, hintFor } from "../camera/edit_results.ts";
import type { NormalizedImage } from "../camera/normalize.ts";
import type { PictureEdit } from "../camera/picture_edit.ts";
import type { EditTask } from "../pixels/task.ts";
import type { Finding } from "./finding.ts";

/** Number of pictures that are tried: one of them may be damaged. */
const MAX_TRIED = 5;
/** How often a picture is edited to measure the time, at most, and for how long, in milliseconds. */
const REPETITIONS = 60, MEASURING_TIME = 1_500;
/** Frame rate for which the CPU time is stated, if the camera's is unknown. */
const USUAL_FPS = 30;

/** Checks whether the pictures of a camera can be turned, masked, and given a text. */
export class EditCheck {
  readonly #label: string;
  readonly #engine: EditEngine;
  readonly #task: EditTask;
  readonly #fps: number;
  #tried = 0;
  #refused = "";

  private constructor(label: string, engine: EditEngine, task: EditTask, fps: number) {
    this.#label = label;
    this.#engine = engine;
    this.#task = task;
    this.#fps = fps;
  }

  /**
   * Prepares the check.
   *
   * @param label The camera, as in "Camera front".
   * @returns Undefined if the server does not change the pictures.
   */
  static async open(
    label: string,
    { edit, fps = USUAL_FPS }: { edit?: PictureEdit; fps?: number },
  ): Promise<EditCheck | undefined> {
    if (!edit) return undefined;
    const engine = await loadPixels();
    const task = engine.taskOf(edit);
    return task && new EditCheck(label, engine, task, fps);
  }

  /** Edits a picture. @returns The result; undefined if another picture is to be tried. */
  try(image: NormalizedImage): Finding | undefined {
    const processor = this.#engine.createProcessor(this.#task);
    const times: number[] = [];
    const startedAt = performance.now();
    let at = startedAt;
    while (times.length < REPETITIONS && at - startedAt < MEASURING_TIME) {
      const result = processor.process(image.jpeg, image.capturedAt);
      if ("refused" in result) {
        this.#refused = result.refused;
        return ++this.#tried < MAX_TRIED ? undefined : this.refusal();
      }
      const now = performance.now();
      times.push(now - at);
      at = now;
    }
    return { verdict: "ok", text: `${this.#label} ${this.#describe(median(times))}` };
  }

  /** Returns the result if no picture could be edited; undefined if none was tried. */
  refusal(): Finding | undefined {
    if (!this.#refused) return undefined;
    const { failure, drops } = failureOf(this.#task);
    return {
      verdict: drops ? "problem" : "warning",
      text: `${this.#label} delivers pictures that ${failure}: ${this.#refused}`,
      advice: hintFor(this.#refused),
    };
  }

  #describe(ms: number): string {
    const { rotation, mirrored } = this.#task.orientation;
    const done = [
      rotation !== 0 || mirrored ? "turned" : "",
      this.#task.mask.length > 0 ? "masked" : "",
      this.#task.overlay ? "given a text" : "",
    ].filter(Boolean).join(", ");
    const percent = Math.ceil(ms * this.#fps / 10);
    return `can be ${done}: ${ms.toFixed(1)} ms per picture, ${percent} % of a CPU core at ` +
      `${this.#fps} fps`;
  }
}

/** Returns the median of the second half: the first one includes the compilation of the code. */
function median(times: readonly number[]): number {
  const late = times.slice(Math.floor(times.length / 2)).sort((a, b) => a - b);
  return late[Math.floor(late.length / 2)]!;
}
