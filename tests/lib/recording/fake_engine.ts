import type { Jpeg } from "../../../lib/frame.ts";
import { sizeOf } from "../../../lib/jpeg/segments.ts";
import type { PictureWorker, Processed, Refused, RenderTask } from "../../../lib/pixels/task.ts";

/** Pretends to render pictures: cuts the end off, and notes what it was asked for. */
export class FakeEngine {
  /** Capture times of the pictures. */
  readonly times: number[] = [];
  readonly tasks: RenderTask[] = [];
  /** Number of pictures that are being rendered, and of workers that are open. */
  inFlight = 0;
  open = 0;
  maxInFlight = 0;
  /** Returns why a picture cannot be rendered. */
  refuse: (jpeg: Jpeg, capturedAt: number) => string | undefined = () => undefined;
  convert: (jpeg: Jpeg) => Jpeg = smaller;
  /** Waits before each result. */
  wait: () => Promise<void> = () => Promise.resolve();

  /** Opens a worker, as an `Engine` does. */
  readonly start = (task: RenderTask): PictureWorker => {
    this.tasks.push(task);
    this.open++;
    return { process: this.process, [Symbol.dispose]: () => void this.open-- };
  };

  /** Renders a picture. */
  readonly process = async (jpeg: Jpeg, capturedAt: number): Promise<Processed | Refused> => {
    this.times.push(capturedAt);
    this.maxInFlight = Math.max(this.maxInFlight, ++this.inFlight);
    await this.wait();
    this.inFlight--;
    const refused = this.refuse(jpeg, capturedAt);
    return refused === undefined
      ? { jpeg: this.convert(jpeg), size: sizeOf(jpeg) ?? { width: 4, height: 2 } }
      : { refused };
  };
}

/** The picture that {@link FakeEngine} makes: the first half. */
export function smaller(jpeg: Jpeg): Jpeg {
  return jpeg.slice(0, jpeg.length >> 1);
}
