import type { Jpeg } from "../frame.ts";
import type { Open } from "../hub/hub.ts";
import type { EditTaskOptions } from "../pixels/edit_task.ts";
import type { EditTask, PictureProcessor, PictureWorker } from "../pixels/task.ts";
import { type EditCounts, EditResults, type RefusalReport } from "./edit_results.ts";
import { newest } from "./newest.ts";
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
  open: Open<NormalizedImage>,
  { edit, load = loadPixels, now = () => performance.now(), ...options }: EditedOptions,
): Open<NormalizedImage> {
  return async function* (signal) {
    const engine = await load();
    const task = engine.taskOf(edit);
    if (!task) return yield* open(signal);
    const results = new EditResults(task, options);
    const ending = new AbortController();
    const images = open(AbortSignal.any([signal, ending.signal]))[Symbol.asyncIterator]();
    try {
      const processor = engine.createProcessor(task);
      let slow = 0;
      for (let next; !(next = await images.next()).done;) {
        const image = next.value;
        if (slow > MAX_SLOW || engine.mustBeTurned(image.jpeg, task)) {
          const worker = engine.openWorker(task);
          const rest = newest(startingWith(image, images), () => options.counts.skipped++);
          return yield* editIn(worker, rest, { results, signal });
        }
        const startedAt = now();
        const shown = results.of(image, processor.process(image.jpeg, image.capturedAt));
        slow = now() - startedAt > MAX_TIME ? slow + 1 : Math.max(0, slow - 1);
        if (shown) yield shown;
      }
    } finally {
      ending.abort(signal.reason);
      await images.return?.();
    }
  };
}

/** Edits images in another thread, one after another. Ends the Worker. */
async function* editIn(
  worker: PictureWorker,
  images: AsyncIterable<NormalizedImage>,
  { results, signal }: { results: EditResults; signal: AbortSignal },
): AsyncGenerator<NormalizedImage> {
  using stack = new DisposableStack();
  stack.use(worker);
  const stop = () => stack.dispose(); // settles what is pending
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const image of images) {
      const result = await worker.process(image.jpeg, image.capturedAt);
      if (signal.aborted) return;
      const shown = results.of(image, result);
      if (shown) yield shown;
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function* startingWith<T>(first: T, rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield first;
  for (let next; !(next = await rest.next()).done;) yield next.value;
}

/** Loads the code that edits pictures. */
export async function loadPixels(): Promise<EditEngine> {
  const { pixels } = await import("./edit_engine.ts");
  return pixels;
}
