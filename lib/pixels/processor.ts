import { Editor } from "./editor.ts";
import { Renderer } from "./renderer.ts";
import type { PictureProcessor, PictureTask } from "./task.ts";

/** Creates what does a task in this thread. */
export function createProcessor(task: PictureTask): PictureProcessor {
  return task.type === "edit" ? new Editor(task) : new Renderer(task);
}
