import type { Frame } from "../frame.ts";
import type { Failure, Role, Subscriber } from "../hub/hub.ts";

/** A subscriber of a rendition. It leaves the rendition when that or the camera ends. */
export class RenditionViewer implements Subscriber<Frame> {
  readonly role: Role;
  readonly keepsRunning: boolean;

  readonly #subscriber: Subscriber<Frame>;
  readonly #leave: () => void;
  #isEnded = false;

  constructor(subscriber: Subscriber<Frame>, leave: () => void) {
    const { role, keepsRunning = true } = subscriber;
    this.role = role;
    this.keepsRunning = keepsRunning;
    this.#subscriber = subscriber;
    this.#leave = leave;
  }

  /** Called for each picture. */
  offer(frame: Frame): void {
    this.#subscriber.offer(frame);
  }

  /** Called when there will be no more pictures. */
  end(failure?: Failure): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#leave();
    this.#subscriber.end(failure);
  }
}
