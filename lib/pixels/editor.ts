import type { Jpeg } from "../frame.ts";
import type { EditTask, PictureProcessor, Processed, Refused } from "./task.ts";

/** Turns and masks the pictures of a camera, and writes a text into them. */
export class Editor implements PictureProcessor {
  readonly #task: EditTask;

  constructor(task: EditTask) {
    this.#task = task;
  }

  /** See {@link PictureProcessor.process}. */
  process(_jpeg: Jpeg, _capturedAt: number): Processed | Refused {
    return { refused: `not implemented: ${this.#task.type}` }; // helper a
  }
}
