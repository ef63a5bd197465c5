import type { PictureWorker, RenderTask } from "../pixels/task.ts";

/** Opens what does a task in another thread. */
export type Engine = (task: RenderTask) => PictureWorker;

/** Opens the server's own engine. Its modules are loaded when it is needed. */
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
  return openPictureWorker(task);
}
