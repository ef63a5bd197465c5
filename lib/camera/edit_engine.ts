import { editTask } from "../pixels/edit_task.ts";
import { exifOrientation } from "../pixels/exif_orientation.ts";
import { combine, isUpright } from "../pixels/orientation.ts";
import { createProcessor } from "../pixels/processor.ts";
import { openPictureWorker } from "../pixels/workers.ts";
import type { EditEngine } from "./edited.ts";

/** Edits pictures with `lib/pixels/`. Loaded only if the settings of a camera need it. */
export const pixels: EditEngine = {
  taskOf: editTask,
  createProcessor,
  openWorker: openPictureWorker,
  mustBeTurned: (jpeg, { orientation }) => !isUpright(combine(exifOrientation(jpeg), orientation)),
};
