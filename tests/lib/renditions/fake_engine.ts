import type { Jpeg } from "../../../lib/frame.ts";
import { sizeOf } from "../../../lib/jpeg/segments.ts";
import type { Processed, Refused, RenderTask } from "../../../lib/pixels/task.ts";
import type { Engine } from "../../../lib/renditions/mod.ts";
import { sampleJpeg } from "../jpeg/sample_jpegs.ts";

/** An engine that makes pictures of the size that a task wants, or waits until it is told to. */
export class FakeEngine {
  /** The tasks of all workers that were opened. */
  readonly tasks: RenderTask[] = [];
  /** Number of workers that are open. */
  live = 0;
  /** Number of pictures that workers have got. */
  renders = 0;
  /** Why pictures are refused. */
  refusal: string | undefined;
  /** Whether pictures wait for {@link finish}. */
  isSlow = false;
  readonly #waiting: (() => void)[] = [];

  readonly open: Engine = (task) => {
    this.tasks.push(task);
    this.live++;
    let isOpen = true;
    return {
      process: async (jpeg) => {
        this.renders++;
        const { promise, resolve } = Promise.withResolvers<void>();
        if (this.isSlow) this.#waiting.push(resolve);
        else resolve();
        await promise;
        return this.#result(task, jpeg);
      },
      [Symbol.dispose]: () => {
        if (isOpen) this.live--;
        isOpen = false;
        this.finish();
      },
    };
  };

  /** Finishes the pictures that wait. */
  finish(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #result({ height }: RenderTask, jpeg: Jpeg): Processed | Refused {
    if (this.refusal !== undefined) return { refused: this.refusal };
    const own = sizeOf(jpeg)!;
    const width = Math.round(own.width * (height ?? own.height) / own.height);
    const size = { width, height: height ?? own.height };
    return { jpeg: sampleJpeg(size), size };
  }
}
