import type { Frame } from "../frame.ts";
import type { Subscriber } from "../hub/hub.ts";

/**
 * Receives the frames of a camera for a rendition: while one is being rendered, the newest one
 * waits. It does not keep the camera running: that is for the viewers.
 */
export class Intake implements Subscriber<Frame> {
  readonly role = "background";
  readonly keepsRunning = false;

  readonly #onDropped: () => void;
  #newest: Frame | undefined;
  #isEnded = false;
  #changed = Promise.withResolvers<void>();

  /** @param onDropped Called for each frame that a newer one has replaced. */
  constructor(onDropped: () => void) {
    this.#onDropped = onDropped;
  }

  /** Called by the camera for each frame. */
  offer(frame: Frame): void {
    if (this.#newest) this.#onDropped();
    this.#newest = frame;
    this.#changed.resolve();
  }

  /** Ends the frames. Called by the camera when it is closed. */
  end(): void {
    this.#isEnded = true;
    this.#changed.resolve();
  }

  /** Forgets the frame that waits. */
  clear(): void {
    this.#newest = undefined;
  }

  /** Returns the frame that waits, or the next one; undefined at the end. */
  async take(): Promise<Frame | undefined> {
    for (;;) {
      if (this.#isEnded) return undefined;
      const frame = this.#newest;
      this.#newest = undefined;
      if (frame) return frame;
      this.#changed = Promise.withResolvers();
      await this.#changed.promise;
    }
  }
}
