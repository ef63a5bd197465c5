import { LatestQueue } from "../hub/latest_queue.ts";
import type { PictureWorker, Processed, Refused } from "../pixels/task.ts";
import type { NormalizedImage } from "./normalize.ts";

/** Options of an {@link EditThread}. */
export interface EditThreadOptions {
  readonly worker: PictureWorker;
  /** Called with each result, in order, until it is disposed of. */
  readonly onResult: (image: NormalizedImage, result: Processed | Refused) => void;
  /** Called once if the Worker, or `onResult`, fails. */
  readonly onFailure: (error: unknown) => void;
  /** Called for each image that a newer one has replaced. */
  readonly onSkipped: () => void;
}

/**
 * Edits images in another thread, one after another. If it is too slow, the newest image wins.
 * Disposing ends the Worker.
 */
export class EditThread implements Disposable {
  readonly #options: EditThreadOptions;
  readonly #waiting: LatestQueue<NormalizedImage>;
  #work: Promise<void> | undefined;
  #isDisposed = false;

  constructor(options: EditThreadOptions) {
    this.#options = options;
    this.#waiting = new LatestQueue({ onDropped: options.onSkipped });
  }

  /** Edits an image when the earlier ones are done. */
  add(image: NormalizedImage): void {
    if (this.#isDisposed) return;
    this.#waiting.offer(image);
    this.#work ??= this.#run();
  }

  /** Waits until all images are done. Never rejects. */
  async idle(): Promise<void> {
    await this.#work;
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#options.worker[Symbol.dispose](); // settles what is pending
  }

  async #run(): Promise<void> {
    const { worker, onResult, onFailure } = this.#options;
    try {
      for (let image; (image = this.#waiting.take());) {
        const result = await worker.process(image.jpeg, image.capturedAt);
        if (this.#isDisposed) return;
        onResult(image, result);
      }
      this.#work = undefined;
    } catch (error) {
      onFailure(error);
    }
  }
}
