import { editTask } from "../pixels/edit_task.ts";
import { isUpright } from "../pixels/orientation.ts";
import { createProcessor } from "../pixels/processor.ts";
import type { EditTask } from "../pixels/task.ts";
import type { Jpeg } from "../frame.ts";
import type { EditEngine } from "./edited.ts";

/** Edits pictures with `lib/pixels/`. Loaded only if the settings of a camera need it. */
export const pixels: EditEngine = {
  taskOf: editTask,
  createProcessor,
  openWorker: (task) => { // until workers.ts is there
    const processor = createProcessor(task);
    return {
      process: (jpeg, at) => Promise.resolve(processor.process(jpeg, at)),
      [Symbol.dispose]() {},
    };
  },
  mustBeTurned: (_: Jpeg, { orientation }: EditTask) => !isUpright(orientation),
};
