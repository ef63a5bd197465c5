import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import type { Frame } from "../frame.ts";
import { noSignalJpeg } from "../jpeg/no_signal.ts";

/** Of a camera that has not shown yet how large its pictures are. */
const USUAL_SIZE = { width: 640, height: 480 };

/** The pictures that viewers get while their cameras give none: they say so, and why. */
export class NoSignal {
  readonly #clock: Clock;
  readonly #drawn = new WeakMap<Camera, { what: string; frame: Frame }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A camera's picture: the same one until there is another reason to give. */
  of(camera: Camera): Frame {
    const { size = USUAL_SIZE, error } = camera.stats();
    const lines = [error?.message, error?.hint].filter((line) => line !== undefined);
    const what = [size.width, size.height, ...lines].join("\n");
    const last = this.#drawn.get(camera);
    if (last?.what === what) return last.frame;
    const jpeg = noSignalJpeg(size, lines);
    const capturedAt = this.#clock.now();
    const frame: Frame = { jpeg, capturedAt, monotonic: this.#clock.monotonic(), sequence: 0 };
    this.#drawn.set(camera, { what, frame });
    return frame;
  }
}
