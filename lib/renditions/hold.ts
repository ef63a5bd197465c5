import type { Camera } from "../camera/camera.ts";
import type { Frame } from "../frame.ts";
import type { Role, Subscriber } from "../hub/hub.ts";

/** Keeps a camera running. */
export interface CameraHold extends Disposable {
  /**
   * Keeps it running for a moment after the disposal, so that whoever has waited for it can join: a
   * camera without idle time would stop.
   */
  keep(): void;
}

/**
 * A subscriber of a camera for a viewer of its rendition: the viewer counts as one of the camera, and
 * the camera runs, while the frames go to the rendition.
 */
export class Hold implements Subscriber<Frame> {
  readonly role: Role;
  readonly keepsRunning: boolean;
  readonly #onEnd: () => void;

  constructor(role: Role, keepsRunning: boolean, onEnd: () => void = () => {}) {
    this.role = role;
    this.keepsRunning = keepsRunning;
    this.#onEnd = onEnd;
  }

  /** Keeps a camera running until the result is disposed of. */
  static at(camera: Camera, role: Role): CameraHold {
    const hold = new Hold(role, true);
    let isKept = false;
    camera.join(hold);
    return {
      keep: () => isKept = true,
      [Symbol.dispose]() {
        if (isKept) setTimeout(() => camera.leave(hold), 0);
        else camera.leave(hold);
      },
    };
  }

  /** Called by the camera for each frame. */
  offer(): void {}

  /** Called by the camera when it is closed. */
  end(): void {
    this.#onEnd();
  }
}
