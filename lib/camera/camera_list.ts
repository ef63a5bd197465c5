import type { Camera } from "./camera.ts";

/** The cameras that the server has at present. `C`: the part of a camera that a consumer needs. */
export interface CameraList<C = Camera> {
  /**
   * The cameras in the order of `CAMERA`; those that a driver has discovered are sorted by name. A
   * change replaces the array. It can be empty.
   */
  readonly all: readonly C[];
  /** Why there is no camera yet, for clients; undefined if no driver discovers cameras. */
  readonly emptyReason?: string;
  /** Calls `onChange` after each change of {@link all}, until the result is disposed of. */
  subscribe(onChange: () => void): Disposable;
}

/** Functions of {@link followCameras}. */
export interface CameraFollower<C = Camera> {
  /** Called for each camera: for those of the list at once, for others when they appear. */
  added(camera: C): void;
  /** Called when a camera has left the list. It may still have viewers, and may return. */
  removed(camera: C): void;
}

/**
 * Reports the cameras of a list, and then its changes, until the result is disposed of. After a
 * change, removed cameras are reported first.
 */
export function followCameras<C = Camera>(
  list: CameraList<C>,
  { added, removed }: CameraFollower<C>,
): Disposable {
  let known: ReadonlySet<C> = new Set();
  const update = () => {
    const before = known;
    const now = known = new Set(list.all);
    for (const camera of before) if (!now.has(camera)) removed(camera);
    for (const camera of now) if (!before.has(camera)) added(camera);
  };
  const subscription = list.subscribe(update);
  update();
  return subscription;
}

/** A list that its owner changes. */
export class MutableCameraList<C = Camera> implements CameraList<C> {
  #all: readonly C[];
  readonly #listeners = new Set<() => void>();

  constructor(all: readonly C[] = []) {
    this.#all = all;
  }

  /** See {@link CameraList.all}. */
  get all(): readonly C[] {
    return this.#all;
  }

  /** Replaces the list, and notifies the subscribers unless it is the same. */
  set(all: readonly C[]): void {
    const isSame = all.length === this.#all.length && all.every((one, i) => one === this.#all[i]);
    if (isSame) return;
    this.#all = all;
    for (const onChange of [...this.#listeners]) onChange();
  }

  /** See {@link CameraList.subscribe}. */
  subscribe(onChange: () => void): Disposable {
    const listener = () => onChange(); // so that one function can subscribe twice
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}
