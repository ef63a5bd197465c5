import type { Jpeg } from "../frame.ts";
import type { Source } from "../hub/source.ts";
import type { EditTaskOptions } from "../pixels/edit_task.ts";
import type {
  EditTask,
  PictureProcessor,
  PictureWorker,
  Processed,
  Refused,
} from "../pixels/task.ts";
import { EditThread } from "./edit_thread.ts";
import { type EditCounts, EditResults, type RefusalReport } from "./edit_results.ts";
import type { BrokenImages, NormalizedImage } from "./normalize.ts";
import type { PictureEdit } from "./picture_edit.ts";

/** Time for a picture that is too long in this thread, in milliseconds. */
const MAX_TIME = 5;
/** Number of pictures that may take so long: more than the code needs until it is compiled. */
const MAX_SLOW = 30;

/** Edits pictures: `lib/pixels/`, or a substitute in tests. */
export interface EditEngine {
  /** See `editTask`. */
  taskOf(options: EditTaskOptions): EditTask | undefined;
  /** Edits in this thread. */
  createProcessor(task: EditTask): PictureProcessor;
  /** Edits in another thread. */
  openWorker(task: EditTask): PictureWorker;
  /** Whether a picture must be turned, which takes too long for this thread. */
  mustBeTurned(jpeg: Jpeg, task: EditTask): boolean;
}

/** Options of {@link edited}. */
export interface EditedOptions {
  readonly edit: PictureEdit;
  readonly counts: EditCounts;
  readonly broken: BrokenImages;
  /** Called once per capture for each reason for which pictures cannot be edited. */
  readonly onRefused: (report: RefusalReport) => void;
  /** @default {`lib/pixels/`, which is loaded for the first capture} */
  readonly load?: () => Promise<EditEngine>;
  /** Returns a monotonic time in milliseconds. @default {performance.now} */
  readonly now?: () => number;
}

/**
 * Edits all pictures of a source: turns and masks them, and writes a text into them. Nothing
 * downstream gets a picture without its mask: pictures that cannot be edited are dropped and counted
 * as broken. Those that lack only their text pass unchanged.
 *
 * Pictures that must be turned are edited in another thread, and so are those that take long: on a
 * slow machine, or of cameras whose Huffman tables must be replaced. If the thread is too slow, the
 * newest picture wins.
 */
export function edited(
  source: Source<NormalizedImage>,
  { edit, load = loadPixels, now = () => performance.now(), ...options }: EditedOptions,
): Source<NormalizedImage> {
  return async (signal, push) => {
    const engine = await load();
    const task = engine.taskOf(edit);
    if (!task) return await source(signal, push);
    const results = new EditResults(task, options);
    const show = (image: NormalizedImage, result: Processed | Refused) => {
      const shown = results.of(image, result);
      if (shown) push(shown);
    };
    const failing = new AbortController();
    let failure: { error: unknown } | undefined;
    using stack = new DisposableStack();
    const openThread = () =>
      stack.use(
        new EditThread({
          worker: engine.openWorker(task),
          onResult: show,
          onFailure: (error) => {
            failure = { error };
            failing.abort();
          },
          onSkipped: () => options.counts.skipped++,
        }),
      );
    const processor = engine.createProcessor(task);
    let slow = 0;
    let thread: EditThread | undefined;
    const stop = () => thread?.[Symbol.dispose]();
    signal.addEventListener("abort", stop, { once: true });
    stack.defer(() => signal.removeEventListener("abort", stop));
    try {
      await source(AbortSignal.any([signal, failing.signal]), (image) => {
        if (slow > MAX_SLOW || engine.mustBeTurned(image.jpeg, task)) thread ??= openThread();
        if (thread) return thread.add(image);
        const startedAt = now();
        show(image, processor.process(image.jpeg, image.capturedAt));
        slow = now() - startedAt > MAX_TIME ? slow + 1 : Math.max(0, slow - 1);
      });
    } finally {
      await thread?.idle();
    }
    if (failure && !signal.aborted) throw failure.error;
  };
}

/** Loads the code that edits pictures. */
export async function loadPixels(): Promise<EditEngine> {
  const { pixels } = await import("./edit_engine.ts");
  return pixels;
}
