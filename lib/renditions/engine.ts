import type { PictureWorker, RenderTask } from "../pixels/task.ts";
import { EIGHTHS } from "../pixels/scaled_size.ts";
import { openTurboJpeg, TURBOJPEG_EIGHTHS } from "../pixels/turbojpeg_library.ts";

/** Opens what does a task in another thread. */
export type Engine = (task: RenderTask) => PictureWorker;

/** Returns the sizes that {@link openEngine} can make, in eighths. */
export function engineEighths(): readonly number[] {
  return openTurboJpeg() ? TURBOJPEG_EIGHTHS : EIGHTHS;
}

/**
 * Opens the server's own engine: libturbojpeg, where it is installed and permitted, or else
 * TypeScript in a Worker. Its modules are loaded when it is needed.
 */
export const openEngine: Engine = (task) => {
  const opening = open(task);
  opening.catch(() => {}); // reported by process()
  return {
    process: async (jpeg, capturedAt) => await (await opening).process(jpeg, capturedAt),
    [Symbol.dispose]: () =>
      void opening.then((worker) => worker[Symbol.dispose](), () => {/* not opened */}),
  };
};

async function open(task: RenderTask): Promise<PictureWorker> {
  const { openPictureWorker } = await import("../pixels/workers.ts");
  const library = openTurboJpeg();
  // Quality and text alone need no decoder: the coefficients are changed.
  if (!library || task.height === undefined) return openPictureWorker(task);
  const { TurboJpegRenderer } = await import("../pixels/turbojpeg_renderer.ts");
  return new TurboJpegRenderer(task, { library, openOther: openPictureWorker });
}
