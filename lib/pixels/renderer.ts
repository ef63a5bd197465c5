import type { Jpeg } from "../frame.ts";
import type { PictureProcessor, Processed, Refused, RenderTask } from "./task.ts";

/** Makes smaller or coarser versions of pictures, or versions with a text. */
export class Renderer implements PictureProcessor {
  readonly #task: RenderTask;

  constructor(task: RenderTask) {
    this.#task = task;
  }

  /** See {@link PictureProcessor.process}. */
  process(_jpeg: Jpeg, _capturedAt: number): Processed | Refused {
    return { refused: `not implemented: ${this.#task.type}` }; // helper c
  }
}
