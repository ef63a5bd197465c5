import type { Camera } from "../camera/camera.ts";
import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Frame } from "../frame.ts";
import type { Log } from "../log.ts";
import type { ViewerStream } from "./viewer_stream.ts";
import { NoSignal } from "./no_signal.ts";

/** How often the viewers are looked through, in milliseconds. */
const BEAT = 500;
/** Who got nothing for so many beats is sent a picture: Home Assistant hangs up after 10 s of silence. */
const BEATS = 10;

/** Who has taken nothing for so many beats is let go: 2 minutes. */
export const STALLED = 240;

/**
 * Sends a picture to viewers who have had none for 5 s: the camera's newest one, or, while the camera gives
 * none, one that says so. Lets go who has taken nothing for 2 minutes. One timer serves all viewers, and there is none while there are no viewers.
 */
export class KeepAlive {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #viewers = new Map<ViewerStream, Camera>();
  readonly #noSignal: NoSignal;
  #stop: AbortController | undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.#noSignal = new NoSignal(clock);
  }

  /** Looks after a viewer of a camera. */
  add(viewer: ViewerStream, camera: Camera): void {
    this.#viewers.set(viewer, camera);
    if (!this.#stop) this.#run(this.#stop = new AbortController()).catch(() => {}); // the stop
  }

  /** The viewer has left. */
  delete(viewer: ViewerStream): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    this.#stop?.abort();
    this.#stop = undefined;
  }

  async #run({ signal }: AbortController): Promise<void> {
    for (;;) {
      await this.#clock.sleep(BEAT, signal);
      try {
        this.#beat();
      } catch (error) {
        this.#log.error("viewers could not be looked through", { reason: explain(error) });
      }
    }
  }

  #beat(): void {
    const pictures = new Map<Camera, Frame>();
    for (const [viewer, camera] of this.#viewers) {
      viewer.keepAlive(BEATS, () => {
        const newest = () => camera.latest ?? this.#noSignal.of(camera);
        if (!pictures.has(camera)) pictures.set(camera, newest());
        return pictures.get(camera);
      });
      if (viewer.stalled >= STALLED) viewer.end();
    }
  }
}
