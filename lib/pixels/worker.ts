import { copyWithHeadroom, hasHeadroom } from "../bytes.ts";
import type { Jpeg } from "../frame.ts";
import { createProcessor } from "./processor.ts";
import type { PictureProcessor, PictureTask, Refused } from "./task.ts";
import type { RenderedMessage, WorkerAnswer, WorkerRequest } from "./worker_messages.ts";

// A Worker that processes pictures, started by `workers.ts`. It has the permissions of the server:
// fewer would need Deno's flag `--unstable-worker-options`, without which Deno exits; and it calls
// nothing that needs one.

/** What this module uses of the global object in a Worker. */
interface WorkerScope {
  onmessage: (event: MessageEvent<WorkerRequest>) => void;
  postMessage(message: WorkerAnswer, transfer: ArrayBuffer[]): void;
}

interface Open {
  readonly options: PictureTask;
  processor: PictureProcessor;
}

const scope = globalThis as unknown as WorkerScope;
const tasks = new Map<number, Open>();

scope.onmessage = ({ data }) => {
  if (data.type === "open") {
    const { options } = data;
    tasks.set(data.task, { options, processor: createProcessor(options) });
  } else if (data.type === "close") tasks.delete(data.task);
  else {
    const { call, jpeg } = data;
    const result = process(tasks.get(data.task)!, jpeg, data.capturedAt);
    scope.postMessage(
      { call, result },
      "jpeg" in result && result.jpeg ? [result.jpeg.buffer] : [],
    );
  }
};

function process(open: Open, jpeg: Jpeg, capturedAt: number): RenderedMessage | Refused {
  try {
    const result = open.processor.process(jpeg, capturedAt);
    if ("refused" in result) return result;
    const isSame = result.jpeg === jpeg;
    return { size: result.size, jpeg: isSame ? undefined : withHeadroom(result.jpeg) };
  } catch (error) {
    // A defect, as a processor does not throw. Its state may be wrong now.
    open.processor = createProcessor(open.options);
    return {
      refused: `JPEG that causes an error: ${error instanceof Error ? error.message : error}`,
    };
  }
}

/** Returns a JPEG whose buffer can be transferred: the same one, or a copy. */
function withHeadroom(jpeg: Jpeg): Jpeg {
  return hasHeadroom(jpeg) ? jpeg : copyWithHeadroom(jpeg);
}
