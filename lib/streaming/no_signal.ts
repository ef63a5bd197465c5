import type { CameraFeed } from "../camera/camera_feed.ts";
import type { Clock } from "../clock.ts";
import type { Frame } from "../frame.ts";
import { noSignalJpeg } from "../jpeg/no_signal.ts";

/** Size for a camera that has not delivered a frame yet. */
const DEFAULT_SIZE = { width: 640, height: 480 };

/** Draws the "no signal" pictures that viewers receive while their cameras deliver no frames. */
export class NoSignal {
  readonly #clock: Clock;
  readonly #cache = new WeakMap<CameraFeed, { key: string; frame: Frame }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns a picture that shows the reason, drawn once per camera, size and reason. */
  frameFor(camera: CameraFeed): Frame {
    const { size = DEFAULT_SIZE, error } = camera.stats();
    const lines = [error?.message, error?.hint].filter((line) => line !== undefined);
    const key = [size.width, size.height, ...lines].join("\n");
    const cached = this.#cache.get(camera);
    if (cached?.key === key) return cached.frame;
    const frame: Frame = {
      jpeg: noSignalJpeg(size, lines),
      capturedAt: this.#clock.now(),
      monotonic: this.#clock.monotonic(),
      sequence: 0,
    };
    this.#cache.set(camera, { key, frame });
    return frame;
  }
}
