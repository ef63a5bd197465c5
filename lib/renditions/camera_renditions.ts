import type { Camera } from "../camera/camera.ts";
import type { Size } from "../jpeg/segments.ts";
import type { RenderTask } from "../pixels/task.ts";
import type { RenditionCounts } from "./conversions.ts";
import { heightsOf } from "./heights.ts";
import { RenditionError } from "./rendition_error.ts";
import { Rendition, type RenditionOptions, type RenditionStats } from "./rendition.ts";
import type { SmallSource } from "./small_source.ts";

/** Maximum number of renditions of one camera. */
const MAX_RENDITIONS = 6;

/** Options of {@link CameraRenditions}. */
export interface CameraRenditionsOptions
  extends Omit<RenditionOptions, "smallSource" | "task" | "totals" | "onJoin"> {
  readonly smallSource: SmallSource | undefined;
  /** See {@link heightsOf}. */
  readonly eighths: readonly number[];
}

/** The renditions of one camera. */
export class CameraRenditions {
  readonly smallSource: SmallSource | undefined;
  /** What all renditions have done, also former ones. */
  readonly totals: RenditionCounts = { frames: 0, dropped: 0, refused: 0 };

  readonly #options: CameraRenditionsOptions;
  readonly #camera: Camera;
  /** By their tasks; the oldest request first. */
  readonly #renditions = new Map<string, Rendition>();

  constructor(options: CameraRenditionsOptions) {
    this.#options = options;
    this.#camera = options.camera;
    this.smallSource = options.smallSource;
  }

  /**
   * The heights that can be requested, ascending: that of the camera is the last one. Empty if it is
   * not known yet.
   */
  get heights(): readonly number[] {
    return this.#heightsWith(this.#camera.size);
  }

  /** {@link heights}, or those of the small source if that of the camera is not known. */
  get knownHeights(): readonly number[] {
    return this.#heightsWith(this.#camera.size ?? this.smallSource?.small.size);
  }

  /** State and counters of the renditions that run or have viewers. */
  stats(): RenditionStats[] {
    return this.#current().map((rendition) => rendition.renditionStats());
  }

  /**
   * Returns the rendition for a task. It is reserved for the caller for a moment: clients that wait
   * for the camera's first frame request theirs at the same time.
   *
   * @throws {RenditionError} If there are too many others with viewers.
   */
  get(task: RenderTask): Rendition {
    const key = keyOf(task);
    const rendition = this.#renditions.get(key) ?? this.#create(task);
    this.#renditions.delete(key);
    this.#renditions.set(key, rendition);
    rendition.reserve();
    return rendition;
  }

  /** Stops all renditions. */
  async stop(): Promise<void> {
    await Promise.all([...this.#renditions.values()].map((rendition) => rendition.stop()));
  }

  #heightsWith(size: Size | undefined): readonly number[] {
    if (!size) return [];
    const own = heightsOf(size, this.#options.eighths);
    const small = this.smallSource?.small.size?.height ?? size.height;
    if (small >= size.height || own.includes(small)) return own;
    return [...own, small].sort((a, b) => a - b);
  }

  #create(task: RenderTask): Rendition {
    this.#makeRoom(task);
    return new Rendition({
      ...this.#options,
      task,
      totals: this.totals,
      // One that was replaced may get a viewer nevertheless, if its client was slow.
      onJoin: (rendition) => {
        const key = keyOf(task);
        if (!this.#renditions.has(key)) this.#renditions.set(key, rendition);
      },
    });
  }

  /** @throws {RenditionError} If all renditions have viewers. */
  #makeRoom(task: RenderTask): void {
    while (this.#renditions.size >= MAX_RENDITIONS) {
      const idle = [...this.#renditions].filter(([, { isUsed }]) => !isUsed);
      const [key, oldest] = idle.find(([, { isRunning }]) => !isRunning) ?? idle[0] ?? [];
      if (key === undefined) throw this.#tooMany(task);
      this.#renditions.delete(key);
      void oldest!.stop();
    }
  }

  #tooMany(task: RenderTask): RenditionError {
    const used = this.#current().map(({ task }) => describe(task));
    return new RenditionError(
      `Cannot show camera "${this.#camera.name}" with ${describe(task)}: ${used.length} others ` +
        `are in use, which is the limit; request one of these: ${used.join(", ")}`,
    );
  }

  #current(): Rendition[] {
    return [...this.#renditions.values()].filter(({ isUsed, isRunning }) => isUsed || isRunning);
  }
}

function keyOf({ height, quality, overlay }: RenderTask): string {
  return `${height} ${quality} ${overlay !== undefined}`;
}

/** Describes a rendition as a client requests it. */
function describe({ height, quality, overlay }: RenderTask): string {
  return [
    height !== undefined && `height=${height}`,
    quality !== undefined && `quality=${quality}`,
    overlay && "overlay=1",
  ].filter(Boolean).join("&");
}
