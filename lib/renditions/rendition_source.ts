import type { Camera } from "../camera/camera.ts";
import type { Frame } from "../frame.ts";
import { Hold } from "./hold.ts";
import type { Intake } from "./intake.ts";
import type { RenditionViewer } from "./rendition_viewer.ts";
import type { SmallSource } from "./small_source.ts";

/** Options of a {@link RenditionSource}. */
export interface RenditionSourceOptions {
  readonly camera: Camera;
  /** The camera's second, smaller stream. */
  readonly smallSource: SmallSource | undefined;
  /** Nominal height of the rendition; undefined: that of the camera. */
  readonly height: number | undefined;
}

/** The holds of a viewer. */
interface Holds {
  /** Keeps the source running. */
  readonly running: Hold;
  /** Counts the viewer of a small source as a viewer of the camera. */
  readonly presence: Hold;
}

/**
 * Where a rendition gets its frames: from the camera, or from its small source while that works and
 * is large enough. Keeps it running for the rendition's viewers.
 */
export class RenditionSource {
  readonly #camera: Camera;
  readonly #smallSource: SmallSource | undefined;
  readonly #height: number | undefined;
  readonly #viewers = new Map<RenditionViewer, Holds>();
  #current: Camera;
  #intake: Intake | undefined;
  /** Reports whether the small source works, while there are viewers. */
  #using: Disposable | undefined;

  constructor({ camera, smallSource, height }: RenditionSourceOptions) {
    this.#camera = this.#current = camera;
    this.#smallSource = smallSource;
    this.#height = height;
  }

  /** The camera, or its small source. */
  get current(): Camera {
    return this.#current;
  }

  /** Keeps the source running for a viewer, if the viewer needs it. */
  hold(viewer: RenditionViewer): void {
    this.#using ??= this.#smallSource?.use(() => this.select());
    this.select();
    const { role, keepsRunning } = viewer;
    const end = () => viewer.end();
    const holds = {
      running: new Hold(role, keepsRunning, end),
      presence: new Hold(role, false, end),
    };
    this.#viewers.set(viewer, holds);
    if (this.#isSmall) this.#smallSource!.align();
    this.#join(holds);
  }

  /** Ends what {@link hold} has begun. */
  release(viewer: RenditionViewer): void {
    const holds = this.#viewers.get(viewer);
    if (!holds) return;
    this.#viewers.delete(viewer);
    if (this.#isSmall) this.#smallSource!.alignCamera();
    this.#current.leave(holds.running);
    this.#camera.leave(holds.presence);
    if (this.#viewers.size > 0) return;
    this.#using?.[Symbol.dispose]();
    this.#using = undefined;
  }

  /** Offers the frames to an intake until the result is disposed of. */
  attach(intake: Intake): Disposable {
    this.#intake = intake;
    this.#current.join(intake);
    return {
      [Symbol.dispose]: () => {
        this.#current.leave(intake);
        if (this.#intake === intake) this.#intake = undefined;
      },
    };
  }

  /** Changes to the small source if it works and is large enough, and else to the camera. */
  select(): void {
    const isSmall = this.#height !== undefined && this.#smallSource?.serves(this.#height);
    const source = isSmall ? this.#smallSource!.small : this.#camera;
    const former = this.#current;
    if (source === former) return;
    this.#current = source;
    if (isSmall) this.#smallSource!.align();
    else this.#smallSource!.alignCamera();
    for (const holds of this.#viewers.values()) {
      this.#join(holds);
      former.leave(holds.running);
    }
    if (!this.#intake) return;
    former.leave(this.#intake);
    this.#intake.clear();
    source.join(this.#intake);
  }

  /**
   * Asks the source for something.
   *
   * @throws The error of `ask`, unless the camera itself can be asked instead of a small source.
   */
  async ask<T>(ask: (source: Camera) => Promise<T>): Promise<T> {
    for (;;) {
      const source = this.#current;
      try {
        return await ask(source);
      } catch (error) {
        this.select();
        if (source === this.#current) throw error;
      }
    }
  }

  /** Returns a frame of the source with the sequence number that viewers get. */
  number(frame: Frame): Frame {
    return this.#isSmall
      ? { ...frame, sequence: this.#smallSource!.numberOf(frame.sequence) }
      : frame;
  }

  get #isSmall(): boolean {
    return this.#current !== this.#camera;
  }

  #join({ running, presence }: Holds): void {
    this.#current.join(running);
    if (this.#isSmall) this.#camera.join(presence);
    else this.#camera.leave(presence);
  }
}
