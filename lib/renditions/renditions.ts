import type { Camera } from "../camera/camera.ts";
import type { CameraFeed } from "../camera/camera_feed.ts";
import type { CameraEvent } from "../camera/events.ts";
import type { Clock } from "../clock.ts";
import type { Events } from "../events.ts";
import type { Log } from "../log.ts";
import { LogLimiter } from "../log_limiter.ts";
import type { Overlay, ProcessPicture, RenderTask } from "../pixels/task.ts";
import { EIGHTHS } from "../pixels/scaled_size.ts";
import { CameraRenditions } from "./camera_renditions.ts";
import { type Engine, engineEighths, openEngine } from "./engine.ts";
import { nominalHeight } from "./heights.ts";
import { Hold } from "./hold.ts";
import type { RenditionCounts } from "./conversions.ts";
import type { Rendition, RenditionStats } from "./rendition.ts";
import { SingleRenders } from "./single_renders.ts";
import { SmallSource, type SmallSourceStats } from "./small_source.ts";
import { type Wanted, wantsOwn } from "./wanted.ts";

/** Maximum number of log lines per camera and minute. */
const MAX_LINES = 20;
/** The text of `?overlay=1`. */
const OVERLAY_TEXT = "%name %date %time";

/** The renditions of all cameras, as routes and sessions see them. */
export interface Renditions extends AsyncDisposable {
  /**
   * Returns the feed for a client: a rendition, or the camera itself if its own pictures are what the
   * client wants. If the camera's size is not known yet, waits for its first frame. The feed costs
   * nothing until it is joined.
   *
   * @throws {CameraError} If the camera delivers no frame in time.
   * @throws {RenditionError} If there are too many renditions of the camera.
   */
  feedOf(camera: Camera, wanted: Wanted): Promise<CameraFeed>;
  /**
   * Returns the heights that can be requested, ascending; the last one is the camera's own height.
   * Empty until that is known.
   */
  heightsOf(camera: Camera): readonly number[];
  /**
   * Returns what renders single pictures of a camera, such as recorded ones; undefined if the client
   * wants those as they are. It throws a {@link RenditionError} if too many pictures wait.
   *
   * @param camera Name of the camera.
   */
  rendererOf(camera: string, wanted: Wanted): ProcessPicture | undefined;
  /** Returns the state and the counters of a camera's renditions. */
  statsOf(camera: Camera): CameraRenditionStats;
}

/** State and counters of a camera's renditions. */
export interface CameraRenditionStats {
  /** Those that run or have viewers. */
  readonly renditions: readonly RenditionStats[];
  /** What all renditions have done since the start of the server. */
  readonly totals: Readonly<RenditionCounts>;
  /** Undefined without `SMALL_SOURCE`. */
  readonly smallSource: SmallSourceStats | undefined;
}

/** What a camera's settings say of the texts in its pictures. */
export interface OverlaySettings {
  /** The text that all pictures of the camera have. */
  readonly overlay?: string;
  readonly overlayPlace: Overlay["place"];
}

/** Options of {@link openRenditions}. */
export interface RenditionsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Where the cameras report their failures. */
  readonly events?: Pick<Events<CameraEvent>, "subscribe">;
  /** @default {the server's own} */
  readonly engine?: Engine;
  /** The sizes that the engine can make, in eighths. @default {EIGHTHS} */
  readonly eighths?: readonly number[];
  /** Returns settings of a camera. @default {no text, a place at the top} */
  readonly settingsOf?: (camera: string) => OverlaySettings;
  /** Returns the camera that captures the second, smaller stream of a camera. */
  readonly smallSourceOf?: (camera: Camera) => Camera | undefined;
}

/** Opens the renditions of all cameras. They cost nothing until one is requested. */
export function openRenditions(options: RenditionsOptions): Renditions {
  return new AllRenditions(options);
}

class AllRenditions implements Renditions {
  readonly #options: RenditionsOptions;
  readonly #engine: Engine;
  readonly #singles: SingleRenders;
  readonly #cameras = new WeakMap<Camera, CameraRenditions>();
  /** Renditions that make pictures. */
  readonly #running = new Set<Rendition>();
  readonly #limiter: LogLimiter;
  readonly #subscription: Disposable | undefined;

  constructor(options: RenditionsOptions) {
    const { clock, log, events, engine = openEngine } = options;
    this.#options = options;
    this.#engine = engine;
    this.#singles = new SingleRenders({ engine, clock });
    this.#limiter = new LogLimiter({
      clock,
      maxLines: MAX_LINES,
      onSuspend: (camera, seconds) => log.warn("rendition events not logged", { camera, seconds }),
      onResume: (camera, suppressed) =>
        log.info("rendition events logged again", { camera, suppressed }),
    });
    this.#subscription = events?.subscribe(({ type, camera }) => {
      if (type !== "camera failed" && type !== "camera stopped") return;
      for (const rendition of this.#running) {
        if (rendition.source === camera) rendition.onSourceLost();
      }
    });
  }

  async feedOf(camera: Camera, wanted: Wanted): Promise<CameraFeed> {
    const task = this.#taskFor(camera.name, wanted);
    if (isOwn(task)) return camera;
    const renditions = this.#of(camera);
    if (task.height === undefined) return renditions.get(task);
    await renditions.smallSource?.measure();
    const isKnown = camera.size || renditions.smallSource?.serves(task.height);
    if (!isKnown) await measure(camera);
    const nominal = nominalHeight(renditions.knownHeights, task.height);
    const height = nominal === camera.size?.height ? undefined : nominal;
    const fitting = { ...task, height };
    return isOwn(fitting) ? camera : renditions.get(fitting);
  }

  heightsOf(camera: Camera): readonly number[] {
    return this.#of(camera).heights;
  }

  rendererOf(camera: string, wanted: Wanted): ProcessPicture | undefined {
    const task = this.#taskFor(camera, wanted);
    return isOwn(task)
      ? undefined
      : (jpeg, capturedAt) => this.#singles.render(task, jpeg, capturedAt);
  }

  statsOf(camera: Camera): CameraRenditionStats {
    const renditions = this.#of(camera);
    const { totals, smallSource } = renditions;
    return { renditions: renditions.stats(), totals, smallSource: smallSource?.stats() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription?.[Symbol.dispose]();
    this.#limiter[Symbol.dispose]();
    this.#singles[Symbol.dispose]();
    await Promise.all([...this.#running].map((rendition) => rendition.stop()));
  }

  #of(camera: Camera): CameraRenditions {
    const known = this.#cameras.get(camera);
    if (known) return known;
    const { clock, log, engine, eighths = engine ? EIGHTHS : engineEighths() } = this.#options;
    const { name } = camera;
    const renditions = new CameraRenditions({
      camera,
      smallSource: this.#openSmallSource(camera),
      engine: this.#engine,
      eighths,
      singles: this.#singles,
      clock,
      onRunning: (rendition, isRunning) => this.#onRunning(rendition, isRunning),
      onEngineError: (reason) => {
        if (this.#limiter.allow(name)) log.error("rendition failed", { camera: name, reason });
      },
    });
    this.#cameras.set(camera, renditions);
    return renditions;
  }

  #openSmallSource(camera: Camera): SmallSource | undefined {
    const { clock, events, smallSourceOf } = this.#options;
    const small = smallSourceOf?.(camera);
    return small && events && new SmallSource({ camera, small, clock, events });
  }

  #taskFor(camera: string, { height, quality, overlay = false }: Wanted): RenderTask {
    const settings = this.#options.settingsOf?.(camera);
    const needsText = overlay && !settings?.overlay; // otherwise all pictures have a text
    const place = settings?.overlayPlace ?? "top";
    return {
      type: "render",
      height,
      quality,
      overlay: needsText ? { text: OVERLAY_TEXT, place, camera } : undefined,
    };
  }

  #onRunning(rendition: Rendition, isRunning: boolean): void {
    if (isRunning) this.#running.add(rendition);
    else this.#running.delete(rendition);
    const { name: camera, task: { height, quality } } = rendition;
    if (!this.#limiter.allow(camera)) return;
    const { log } = this.#options;
    log.info(isRunning ? "rendition started" : "rendition stopped", { camera, height, quality });
  }
}

function isOwn({ height, quality, overlay }: RenderTask): boolean {
  return wantsOwn({ height, quality, overlay: overlay !== undefined });
}

/** Starts a camera to learn its size. @throws {CameraError} If it delivers no frame in time. */
async function measure(camera: Camera): Promise<void> {
  using hold = Hold.at(camera, "background");
  await camera.ready();
  hold.keep();
}
